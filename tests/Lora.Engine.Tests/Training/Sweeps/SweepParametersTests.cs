using Lora.Training;

namespace Lora.Tests.Training;

public class SweepParametersTests
{
    [Fact]
    public void Every_option_that_changes_what_is_learned_may_be_swept_and_no_other()
    {
        Assert.All(new[] { "Rank", "LearningRate", "TargetModule", "Seed", "SupervisedTurn", "UseRsLora", "RankPattern" }, name => Assert.Contains(name, SweepParameters.Known.Keys));
        Assert.All(new[] { "Device", "Thread", "OutputPath", "Prompt", "Model", "OtherKeys", "Data" }, name => Assert.DoesNotContain(name, SweepParameters.Known.Keys));
    }

    [Fact]
    public void Values_take_the_place_of_others_and_targets_of_one_kind_that_of_another()
    {
        LoraConfig config = new() { Module = ["a"], ExcludeModule = ["b"] };
        (LoraConfig changed, TrainingOptions options) = SweepParameters.Apply(config, new(), [new("TargetPattern", "all-linear"), new("ExcludePattern", "c"), new("epoch", 3), new("SystemPrompt", "d")]);

        Assert.Equal((null, "all-linear", null, "c"), (changed.Module, changed.TargetPattern, changed.ExcludeModule, changed.ExcludePattern));
        Assert.Equal((3, "d"), (options.Epoch, options.Data.SystemPrompt));
        Assert.Equal(["a"], config.Module);
    }

    [Fact]
    public void Names_that_nobody_knows_are_all_told_of_with_the_nearest()
    {
        IReadOnlyList<LoraProblem> problems = SweepParameters.Unknown(["Rnak", "rank", "LerningRate"], [.. SweepParameters.Known.Keys]);

        Assert.Equal(2, problems.Count);
        Assert.Contains("Rank", problems[0].Message, StringComparison.Ordinal);
        Assert.Contains("LearningRate", problems[1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_hangs_on_the_point_alone_and_fits_a_folder()
    {
        LoraConfig config = ExampleRun.Config;
        Assert.Equal("rank-8_learningrate-1e-05", SweepExample.Point(("Rank", 8), ("LearningRate", 1e-5)).Name);
        Assert.Matches("^targetpattern-.{1,40}-[0-9a-f]{8}$", SweepExample.Point(("TargetPattern", @"model\.layers\.\d+\.self_attn\.(q|k|v|o)_proj and more of this kind")).Name);
        string[] cases = [.. new[] { "q_proj", "Q_proj", "q_Proj" }.Select(name => SweepExample.Point(("TargetModule", new[] { name })).Name)];
        Assert.Equal("targetmodule-q_proj", cases[0]);
        Assert.All(cases[1..], name => Assert.Matches("^targetmodule-q_proj-[0-9a-f]{8}$", name));
        Assert.Distinct(cases);
        SweepPoint one = SweepExample.PointOf(config, new(), (SweepPoint.ConfigKey, config.ToString()));
        SweepPoint other = new(one.Parameter, config with { Dropout = 0.5 }, one.Data, one.Options);
        Assert.Matches("^config-rank-4-alpha-8-q_proj-down_proj-[0-9a-f]{8}$", one.Name);
        Assert.NotEqual(one.Name, other.Name);
        Assert.Equal(one.Name, new SweepPoint(one.Parameter, config with { Model = "elsewhere" }, one.Data, one.Options).Name);
    }
}
