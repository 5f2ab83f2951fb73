using Lora.Adapters;
using Lora.Checkpoints;
using static Lora.Tests.Adapters.CombinedAdapter;

namespace Lora.Tests.Adapters;

/// <summary>What keeps adapters from being combined is said with its place, before work where it can be seen before.</summary>
public class CombinationRefusalTests
{
    [Fact]
    public void Everything_in_the_way_is_said_before_any_work()
    {
        LoraAdapter dora = new() { Config = new() { Rank = 2, UseDora = true }, Tensors = Random(1, 2, 8).Tensors };
        LoraAdapter[] adapters = [Random(1, 2, 8), Random(2, 3, 8), dora];

        LoraException exception = Assert.Throws<LoraException>(() =>
            AdapterCombination.Combine(adapters, new() { Method = CombinationMethod.Ties, Weight = [1, double.NaN], Rank = 0 }));

        Assert.All(exception.Problems, problem => Assert.Equal(LoraError.CombinationRefused, problem.Error));
        string[] expected = ["2 weights for 3", "not a finite", "needs a density", "no use for a rank", "below 1", "uses DoRA", "equal ranks"];
        Assert.All(expected, text => Assert.Contains(text, exception.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void Values_that_are_not_finite_are_refused_with_their_tensor(float value)
    {
        LoraAdapter broken = With(Random(1, 2, 8), value);

        LoraException exception = Assert.Throws<LoraException>(() => AdapterCombination.Combine([Random(2, 2, 8), broken], new()));

        Assert.Equal(LoraError.CombinationRefused, exception.Error);
        Assert.Contains("'base_model.model.layers.0.q.lora_A.weight'", Assert.Single(exception.Problems).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CombinationMethod.Cat)]
    [InlineData(CombinationMethod.Svd)]
    [InlineData(CombinationMethod.Linear)]
    public void A_result_that_is_not_finite_is_refused_with_its_module(CombinationMethod method)
    {
        LoraAdapter[] large = [With(Random(1, 2, 8), 3e38f), With(Random(2, 2, 8), 3e38f)];

        LoraException exception = Assert.Throws<LoraException>(() => AdapterCombination.Combine(large, new() { Method = method, Weight = [9, 9] }));

        Assert.Equal(LoraError.CombinationRefused, exception.Error);
        Assert.Equal(Module, exception.Problem.Target);
    }

    [Fact]
    public void Tensors_that_no_sum_can_hold_are_named()
    {
        LoraAdapter adapter = Random(1, 2, 8);
        TensorData whole = new("base_model.model.norm.weight", TensorDataType.F32, [1], new byte[4]);

        LoraException exception = Assert.Throws<LoraException>(() =>
            AdapterCombination.Combine([new() { Config = adapter.Config, Tensors = [.. adapter.Tensors, whole] }], new()));

        Assert.Contains("'base_model.model.norm.weight'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Adapters_whose_tensors_do_not_fit_their_configuration_are_refused()
    {
        LoraAdapter adapter = Random(1, 2, 8);
        LoraAdapter half = new() { Config = adapter.Config, Tensors = [adapter.Tensors[0]] };
        LoraAdapter narrow = new() { Config = adapter.Config, Tensors = [.. adapter.Tensors.Select(tensor => tensor with { DataType = TensorDataType.F8E4M3 })] };

        LoraException exception = Assert.Throws<LoraException>(() => AdapterCombination.Combine([half, narrow], new()));

        Assert.All(exception.Problems, problem => Assert.Equal(LoraError.AdapterWeightsInvalid, problem.Error));
        Assert.Contains("no 'lora_B.weight' beside it", exception.Message, StringComparison.Ordinal);
        Assert.Contains("F8_E4M3", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Adapters_without_a_module_are_refused() => Assert.Contains(
        "adapt no module",
        Assert.Throws<LoraException>(() => AdapterCombination.Combine([new()], new())).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Different_base_models_are_warned_of_and_a_trailing_separator_makes_none()
    {
        LoraAdapter[] adapters = [Named("models/a"), Named("models/a/"), Named(null)];

        Assert.Empty(AdapterCombination.Warnings(adapters));
        string warning = Assert.Single(AdapterCombination.Warnings([.. adapters, Named("models/b")]));
        Assert.Contains("'models/a', 'models/b'", warning, StringComparison.Ordinal);

        static LoraAdapter Named(string? model) => new() { Config = new() { BaseModelNameOrPath = model } };
    }

    /// <summary>The adapter with one value of A replaced.</summary>
    private static LoraAdapter With(LoraAdapter adapter, float value)
    {
        byte[] bytes = adapter.Tensors[0].Bytes.ToArray();
        BitConverter.TryWriteBytes(bytes.AsSpan(3 * sizeof(float)), value);
        return new() { Config = adapter.Config, Tensors = [adapter.Tensors[0] with { Bytes = bytes }, adapter.Tensors[1]] };
    }
}
