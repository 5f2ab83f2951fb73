using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Tests.Adapters;

/// <summary>An adapter of many modules that does not fit for one reason says it once.</summary>
public sealed class AdapterWeightRulesTests
{
    private const int Modules = 224; // a model of 32 layers, seven projections each

    private static readonly string[] Causes =
        ["does not begin with", "no 'lora_A.weight' beside it", "no 'lora_B.weight' beside it", "the rank is 4", "is no matrix", "F8_E4M3"];

    private static readonly LoraConfig Config = new() { Rank = 8, TargetModule = ["q_proj"] };

    [Theory]
    [InlineData("", ".lora_{0}.weight", 8, "'m0.lora_A.weight', 'm0.lora_B.weight', 'm1.lora_A.weight' and 445 more: the name does not begin with 'base_model.model.'")]
    [InlineData("base_model.model.", ".lora_{0}.default.weight", 8, "'base_model.model.m1.lora_A.default.weight' and 445 more: the name holds '.default'")]
    [InlineData("base_model.model.", ".lora_{0}.weight", 4, "and 445 more: the rank is 4, and 8 in the configuration")]
    public void One_cause_is_one_problem_with_the_first_names_and_the_count(string prefix, string ending, int rank, string expected)
    {
        IReadOnlyList<LoraProblem> problems = AdapterWeightRules.Check(Config, Tensors(prefix, ending, rank), "adapter");

        Assert.Contains(expected, Assert.Single(problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_causes_are_several_problems()
    {
        TensorData[] tensors = [.. Tensors("", ".lora_{0}.weight", 4).Skip(1), new("base_model.model.x.lora_A.weight", TensorDataType.F8E4M3, [], new byte[1])];

        IReadOnlyList<LoraProblem> problems = AdapterWeightRules.Check(Config, tensors, "adapter");

        Assert.Equal(Causes.Length, problems.Count);
        Assert.All(Causes, cause => Assert.Single(problems, problem => problem.Message.Contains(cause, StringComparison.Ordinal)));
    }

    private static TensorData[] Tensors(string prefix, string ending, int rank) =>
    [
        .. Enumerable.Range(0, Modules).SelectMany(module => new[]
        {
            Tensor(prefix + "m" + module + string.Format(System.Globalization.CultureInfo.InvariantCulture, ending, "A"), rank, 1),
            Tensor(prefix + "m" + module + string.Format(System.Globalization.CultureInfo.InvariantCulture, ending, "B"), 1, rank),
        }),
    ];

    private static TensorData Tensor(string name, params long[] shape) =>
        new(name, TensorDataType.F32, shape, new byte[sizeof(float) * shape.Aggregate(1L, (product, extent) => product * extent)]);
}
