using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Matrices in 4 bits that share an input: their codes lie side by side, those of whole blocks, and the layers go on as slices of them.</summary>
public class JoinedWeightsTests
{
    private readonly TorchKernels operators = new();

    [Theory]
    [InlineData(128, 128)] // 256 blocks each, whole groups
    [InlineData(128, 192)] // 384 blocks: one group and a half
    [InlineData(5, 13)] // one block and a value
    public void Values_of_4_bit_matrices_are_those_of_each_one_below_the_other(int rows, int columns)
    {
        using DisposeScope scope = NewDisposeScope();
        using WeightBuffer buffer = new();
        QuantizedLinear[] layers = [Layer(buffer, rows, columns, 1), Layer(buffer, rows, columns, 2)];
        Tensor expected = cat([.. layers.Select(layer => layer.Copy())]); // [2 · rows, columns]

        using JoinedWeights joined = new(layers);

        Assert.Equal(new long[] { 2 * rows, columns }, joined.Shape);
        Assert.Equal(new long[] { rows, rows }, joined.Outputs);
        Assert.True(joined.Values().equal(expected).all().item<bool>());
        Assert.Equal(TensorMemory.Address(layers[0].Matrix.Codes) + (nint)layers[0].Matrix.Codes.numel(), TensorMemory.Address(layers[1].Matrix.Codes));
        Array.ForEach(layers, layer => layer.Dispose());
    }

    /// <summary>To the bit, by vectors and by operators, which take the magnitudes of all products at once.</summary>
    [Theory]
    [InlineData(192, 576)] // those of SmolLM: 1,728 blocks, six groups and three quarters
    [InlineData(64, 256)] // whole groups
    [InlineData(5, 13)]
    public void Magnitudes_of_several_products_side_by_side_are_those_of_each(int rows, int columns)
    {
        using DisposeScope scope = NewDisposeScope();
        using WeightBuffer buffer = new();
        QuantizedLinear[] layers = [.. Enumerable.Range(1, 5).Select(seed => Layer(buffer, rows + seed, columns, seed))];
        Tensor[] expected = [.. layers.Select(layer => layer.Copy())];
        using JoinedWeights first = new(layers[..3]);
        using JoinedWeights second = new(layers[3]);
        using JoinedWeights third = new(layers[4]);

        using (BlockMagnitudes whole = JoinedWeights.JoinMagnitudes([first, second, third])!)
        {
            Assert.Equal(layers.Sum(layer => layer.Matrix.Magnitudes.Values.numel()), whole.Values.numel());
            Check(first, expected[..3]);
            Check(third, expected[4..]);
            Check(second, expected[3..4]);
        }

        Assert.All(layers.Zip(expected), pair => Assert.Equal(pair.Second.bytes.ToArray(), pair.First.Copy().bytes.ToArray()));
        Array.ForEach(layers, layer => layer.Dispose());

        void Check(JoinedWeights joined, Tensor[] values)
        {
            byte[] together = cat(values).bytes.ToArray();
            Tensor byOperators = zeros(joined.Shape, dtype: ScalarType.Float32, device: CPU);
            operators.Dequantize(Assert.Single(joined.Stacks), byOperators);

            Assert.Equal(together, joined.Values().bytes.ToArray());
            Assert.Equal(together, byOperators.bytes.ToArray());
        }
    }

    [Fact]
    public void Magnitudes_of_another_form_are_taken_by_themselves()
    {
        using DisposeScope scope = NewDisposeScope();
        using WeightBuffer buffer = new();
        FourBitMatrix matrix = Nf4Quantizer.Quantize(randn([8, 64], device: CPU), ScalarType.Float32);
        FourBitMatrix plain = matrix with { Codes = matrix.Codes.clone(), Magnitudes = new(ones([8], dtype: ScalarType.Float32, device: CPU), null) };
        QuantizedLinear[] layers = [new(matrix, null, buffer), new(plain, null, buffer)];
        using JoinedWeights first = new(layers[0]);
        using JoinedWeights second = new(layers[1]);

        Assert.Null(JoinedWeights.JoinMagnitudes([first, second]));
        Assert.Null(JoinedWeights.JoinMagnitudes([first]));
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
