using Lora.Commands.Tests.Commands;

namespace Lora.Commands.Tests.Binding;

public sealed class PropertyBagConverterTests : IClassFixture<HostedShell>, IDisposable
{
    private const string Travel = "$s = [System.Management.Automation.PSSerializer]; function Send { $s::Deserialize($s::Serialize($args[0], $args[1])) }; ";

    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public PropertyBagConverterTests(HostedShell shell) => this.shell = files.Share(shell);

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("[Lora.LoraConfig]@{ rank = 4; targetModule = 'q_proj'; RankPattern = 'q_proj=8' }", "rank 4, alpha 32, q_proj")]
    [InlineData("[Lora.LoraConfig][ordered]@{ Bias = 'loraonly' }", "rank 16, alpha 32, default targets")]
    [InlineData("[Lora.LoraConfig][pscustomobject]@{ Rank = 4; Scaling = 8 }", "rank 4, alpha 32, default targets")]
    [InlineData("[Lora.LoraPatternValue]@{ Pattern = 'a'; Value = 2 }", "a=2")]
    [InlineData("[Lora.LoraPatternValue]'a=b=2'", "a=b=2")]
    public void Hashtables_and_custom_objects_become_what_they_describe(string script, string text) =>
        Assert.Equal([text], shell.Run(script).Succeeded().Texts);

    [Theory]
    [InlineData("[Lora.LoraConfig]@{ Rnak = 4 }", "A key is 'Rnak'; expected is one of Rank, Alpha,")]
    [InlineData("[Lora.LoraConfig][pscustomobject]@{ Rnak = 4 }", "A key is 'Rnak'; expected is one of Rank, Alpha,")]
    [InlineData("[Lora.LoraConfig]@{ Scaling = 4 }", "A key is 'Scaling'; expected is one of Rank, Alpha,")]
    [InlineData("[Lora.LoraConfig]@{ Rank = -3 }", "Rank is -3; expected is a number from 1.")]
    [InlineData("[Lora.LoraConfig]@{ Rank = $null }", "Rank is 0; expected is a number from 1.")]
    [InlineData("[Lora.LoraConfig]@{ Dropout = 2; Initialization = 'random' }", "Dropout is 2; expected is a number from 0 to below 1.")]
    [InlineData("[Lora.LoraConfig]@{ Rank = 'many' }", "Rank is 'many'; expected is a Int32.")]
    [InlineData("[Lora.LoraConfig]@{ TargetModule = 'a'; TargetPattern = 'b' }", "TargetModule and TargetPattern both say what to adapt")]
    public void What_is_wrong_is_named(string script, string said) =>
        Assert.Contains(said, Assert.Single(shell.Run(script).Errors).Exception.Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("Get-LoraModule $model -Include q_proj", 1)]
    [InlineData("New-LoraConfig -TargetModule q_proj -RankPattern @{ q_proj = 4 } -Model $model", 2)]
    [InlineData("Test-LoraTarget (New-LoraConfig -TargetModule q_proj) -Model $model", 1)]
    [InlineData("Compare-LoraConfig (New-LoraConfig -TargetModule q_proj) (New-LoraConfig -TargetModule k_proj) -Model $model", 2)]
    public void What_travelled_is_what_it_was(string make, int depth)
    {
        string[] texts = [.. shell.Run(Travel + $"$made = {make}; $back = Send $made {depth}; @($made) + @($back) | ForEach-Object {{ $_.GetType().FullName; [string]$_ }}").Texts];
        string[] single = [.. shell.Run($"{make} | ForEach-Object {{ $_.GetType().FullName; [string]$_ }}").Texts];

        Assert.NotEmpty(single);
        Assert.Equal([.. single, .. single], texts);
    }

    [Fact]
    public void A_result_comes_back_with_its_configuration_and_history_and_without_the_adapter_s_values()
    {
        ShellResult result = shell.Run(Travel + """
            $r = New-LoraConfig -Model $model -TargetModule q_proj -RankPattern @{ q_proj = 2 } | Invoke-LoraTraining -Dataset $train -MaxStep 1
            $back = Send $r 3
            [string]$back -eq [string]$r
            $back.Config -eq $r.Config
            [string]$back.Config.RankPattern[0]
            $back.History[0].Loss -eq $r.History[0].Loss
            $null -eq $back.Adapter
            $back.Elapsed -eq $r.Elapsed
            [string]$back.MemoryPlan -eq [string]$r.MemoryPlan
            """).Succeeded();

        Assert.Equal(["True", "False", "q_proj=2", "True", "True", "True", "True"], result.Texts);
    }

    [Fact]
    public void One_type_does_not_become_another()
    {
        ShellResult result = shell.Run(Travel + "[Lora.LoraModuleInfo](Send (New-LoraConfig -TargetModule q_proj) 1).PSObject.Copy()");
        Assert.NotEmpty(result.Errors);
    }
}
