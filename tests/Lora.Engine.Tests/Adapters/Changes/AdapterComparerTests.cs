using Lora.Adapters;
using Lora.Checkpoints;
using TorchSharp;
using static Lora.Tests.Adapters.CombinedAdapter;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

public class AdapterComparerTests
{
    // The products are formed in float64 for what is expected.
    private const double Tolerance = 1e-12;

    [Fact]
    public void The_cosines_are_those_of_the_products_by_module_and_as_a_whole()
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter[] one = [Random(1, 2, 8), Random(2, 2, 8, module: "layers.1.q")];
        LoraAdapter[] other = [Random(3, 3, 5), Random(4, 3, 5, module: "layers.1.q"), Random(5, 3, 5, module: "layers.2.q")];

        LoraAdapterComparison comparison = AdapterComparer.Compare(Joined(one), Joined(other));

        Tensor left = cat([Product(one[0]).flatten(), Product(one[1], "layers.1.q").flatten(), zeros(Outputs * Inputs, ScalarType.Float64, CPU)]);
        Tensor right = cat([Product(other[0]).flatten(), Product(other[1], "layers.1.q").flatten(), Product(other[2], "layers.2.q").flatten()]);
        Assert.Equal(["layers.0.q", "layers.1.q", "layers.2.q"], comparison.Module.Select(module => module.Name));
        Assert.Equal(["==", "==", "=>"], comparison.Module.Select(module => module.SideIndicator));
        Assert.Equal(Cosine(Product(one[0]), Product(other[0])), comparison.Module[0].Cosine!.Value, Tolerance);
        Assert.Equal(Cosine(Product(one[1], "layers.1.q"), Product(other[1], "layers.1.q")), comparison.Module[1].Cosine!.Value, Tolerance);
        Assert.Equal((null, null, 2, "layers.2"), (comparison.Module[2].Cosine, comparison.Module[2].ReferenceNorm, comparison.Module[2].Layer, comparison.Module[2].Block));
        Assert.Equal(Cosine(left, right), comparison.Cosine!.Value, Tolerance);
        Assert.Equal(left.norm().ToDouble(), comparison.ReferenceNorm, Tolerance * 100);
        Assert.Equal((2, 1), (comparison.EqualCount, comparison.DifferenceCount));
    }

    [Fact]
    public void An_adapter_and_itself_have_the_cosine_one_and_its_opposite_has_minus_one()
    {
        LoraAdapter adapter = Random(1, 2, 8);
        LoraAdapter opposite = AdapterCombination.Combine([adapter], new() { Weight = [-2] });

        Assert.Equal(1, AdapterComparer.Compare(adapter, adapter).Cosine!.Value, Tolerance);
        Assert.Equal(-1, AdapterComparer.Compare(adapter, opposite).Cosine!.Value, 1e-6); // -2 s goes into A's float32 values
    }

    [Fact]
    public void What_changes_nothing_has_no_cosine()
    {
        LoraAdapter adapter = Random(1, 2, 8);
        LoraAdapter nothing = new() { Config = adapter.Config with { Alpha = 0 }, Tensors = adapter.Tensors };

        LoraAdapterComparison comparison = AdapterComparer.Compare(adapter, nothing);

        Assert.Equal((null, null, 0, "=="), (comparison.Cosine, comparison.Module[0].Cosine, comparison.DifferenceNorm, comparison.Module[0].SideIndicator));
        Assert.Equal("cosine none; 1 module is adapted by both, 0 by one", comparison.ToString());
    }

    [Fact]
    public void What_cannot_be_compared_is_said_together()
    {
        LoraAdapter dora = new() { Config = Random(1, 2, 8).Config with { UseDora = true }, Tensors = Random(1, 2, 8).Tensors };
        LoraAdapter narrow = new()
        {
            Config = dora.Config with { UseDora = false },
            Tensors = [.. Random(1, 2, 8).Tensors.Select(tensor => tensor.Name.Contains("lora_A", StringComparison.Ordinal)
                ? new TensorData(tensor.Name, tensor.DataType, [2, 3], tensor.Bytes[..24])
                : tensor)],
        };

        LoraException exception = Assert.Throws<LoraException>(() => AdapterComparer.Compare(dora, narrow));

        Assert.All(exception.Problems, problem => Assert.Equal(LoraError.ComparisonRefused, problem.Error));
        Assert.All(["uses DoRA", "their shapes differ at 'layers.0.q'"], text => Assert.Contains(text, exception.Message, StringComparison.Ordinal));
    }

    private static LoraAdapter Joined(LoraAdapter[] parts) => new() { Config = parts[0].Config, Tensors = [.. parts.SelectMany(part => part.Tensors)] };

    private static double Cosine(Tensor one, Tensor other) => ((one * other).sum() / (one.norm() * other.norm())).ToDouble();
}
