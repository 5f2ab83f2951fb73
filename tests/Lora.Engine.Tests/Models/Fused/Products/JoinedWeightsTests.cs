using Lora.Models;
using Lora.Native;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Matrices in 4 bits that share an input: one matrix where their blocks allow it, and the layers go on as slices of it.</summary>
public class JoinedWeightsTests
{
    [Theory]
    [InlineData(128, 128, 1)] // 256 blocks each, whole groups
    [InlineData(128, 192, 2)] // 384 blocks: half a group would reach into the next matrix
    [InlineData(5, 13, 2)] // half a block would
    public void Values_of_4_bit_matrices_are_those_of_each_one_below_the_other(int rows, int columns, int taken)
    {
        using DisposeScope scope = NewDisposeScope();
        using WeightBuffer buffer = new();
        QuantizedLinear[] layers = [Layer(buffer, rows, columns, 1), Layer(buffer, rows, columns, 2)];
        Tensor expected = cat([.. layers.Select(layer => layer.Copy())]); // [2 · rows, columns]

        using JoinedWeights joined = new(layers);

        Assert.Equal(new long[] { 2 * rows, columns }, joined.Shape);
        Assert.Equal(new long[] { rows, rows }, joined.Outputs);
        Assert.True(joined.Values().equal(expected).all().item<bool>());
        Assert.Equal(taken == 1, TensorMemory.Address(layers[1].Matrix.Codes) == TensorMemory.Address(layers[0].Matrix.Codes) + (rows * columns / 2));
        Array.ForEach(layers, layer => layer.Dispose());
    }

    [Fact]
    public void Layers_keep_their_values_when_the_joined_matrix_goes_and_are_joined_again_in_place()
    {
        using DisposeScope scope = NewDisposeScope();
        using WeightBuffer buffer = new();
        QuantizedLinear[] layers = [Layer(buffer, 128, 128, 1), Layer(buffer, 128, 128, 2)];
        Tensor[] expected = [.. layers.Select(layer => layer.Copy())];

        using (new JoinedWeights(layers))
        {
        }

        nint place = TensorMemory.Address(layers[0].Matrix.Codes);
        using (JoinedWeights again = new(layers))
        {
            Assert.True(again.Values().equal(cat(expected)).all().item<bool>());
            Assert.Equal(place, TensorMemory.Address(layers[0].Matrix.Codes));
        }

        Assert.All(layers.Zip(expected), pair => Assert.True(pair.First.Copy().equal(pair.Second).all().item<bool>()));
        Array.ForEach(layers, layer => layer.Dispose());
    }

    private static QuantizedLinear Layer(WeightBuffer buffer, int rows, int columns, long seed)
    {
        using Generator generator = new((ulong)seed, CPU);
        using Tensor values = randn([rows, columns], generator: generator, device: CPU);
        return new(Nf4Quantizer.Quantize(values, ScalarType.Float32), null, buffer);
    }
}
