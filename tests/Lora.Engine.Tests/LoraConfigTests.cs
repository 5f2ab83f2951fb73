namespace Lora.Tests;

public class LoraConfigTests
{
    [Fact]
    public void Scaling_is_alpha_by_rank_or_by_its_root()
    {
        Assert.Equal(2.0, new LoraConfig().ScalingOf(16, 32));
        Assert.Equal(8.0, new LoraConfig { UseRsLora = true }.ScalingOf(16, 32));
    }

    [Fact]
    public void A_configuration_tells_its_size_and_targets()
    {
        Assert.Equal("rank 16, alpha 32, 2 modules", new LoraConfig { Module = ["a", "b"] }.ToString());
        Assert.Equal("rank 4, alpha 0.5, q_proj, v_proj", new LoraConfig { Rank = 4, Alpha = 0.5, TargetModule = ["q_proj", "v_proj"] }.ToString());
        Assert.Equal("rank 16, alpha 32, all-linear", new LoraConfig { TargetPattern = "all-linear" }.ToString());
        Assert.Equal("rank 16, alpha 32, default targets", new LoraConfig().ToString());
    }

    [Fact]
    public void An_empty_text_is_none_since_powershell_binds_null_so()
    {
        LoraConfig config = new() { TargetModule = ["q"], TargetPattern = "", ExcludePattern = "", OtherKeys = "", TaskType = "", Model = "", Revision = "", BaseModelNameOrPath = "" };

        Assert.Empty(LoraConfigRules.Check(config));
        Assert.Equal(new() { TargetModule = config.TargetModule, TaskType = null }, config);
    }

    [Fact]
    public void A_pattern_value_survives_its_text()
    {
        LoraPatternValue value = new() { Pattern = "(?=a).*q_proj", Value = 0.5 };

        Assert.Equal("(?=a).*q_proj=0.5", value.ToString());
        Assert.Equal(value, LoraPatternValue.Parse(value.ToString()));
        Assert.Throws<FormatException>(() => LoraPatternValue.Parse("q_proj"));
    }
}
