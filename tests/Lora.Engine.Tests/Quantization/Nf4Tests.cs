using System.Runtime.InteropServices;
using Lora.Checkpoints;
using Lora.Kernels;
using Lora.Native;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Quantization;

/// <summary>
/// The stored vectors are of a program of its own that walks bitsandbytes' decision trees value by value, with bitsandbytes' published table of
/// the dynamic code. Everything is compared bit for bit.
/// </summary>
public class Nf4Tests
{
    private readonly Dictionary<string, TensorData> stored =
        SafetensorsFile.ReadAll(Repository.Fixture("quantization", "nf4.safetensors")).ToDictionary(tensor => tensor.Name);

    [Fact]
    public void The_dynamic_code_is_bitsandbytes_table() => Assert.Equal(Singles("dynamic"), DynamicCode.Values);

    [Fact]
    public void Codes_magnitudes_scales_and_mean_are_bitsandbytes()
    {
        using DisposeScope scope = NewDisposeScope();
        using FourBitMatrix matrix = Quantized();

        Assert.Equal(stored["codes"].Bytes.ToArray(), matrix.Codes.bytes.ToArray());
        Assert.Equal(stored["magnitudes"].Bytes.ToArray(), matrix.Magnitudes.Values.narrow(0, 0, matrix.Blocks).bytes.ToArray());
        Assert.Equal(Singles("scales"), matrix.Magnitudes.Nested!.Scales.data<float>().ToArray());
        Assert.All(matrix.Magnitudes.Nested!.Means.data<float>().ToArray(), mean => Assert.Equal(Singles("mean")[0], mean));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Values_are_bitsandbytes(bool byVectors)
    {
        using DisposeScope scope = NewDisposeScope();
        using FourBitMatrix matrix = Quantized();
        IKernels kernels = byVectors ? KernelSet.Of(CPU, ScalarType.BFloat16) : new TorchKernels();
        Tensor values = zeros(matrix.Shape, dtype: ScalarType.BFloat16, device: CPU);

        kernels.Dequantize(FourBitStack.Of(matrix), values);

        Assert.Equal(stored["dequantized"].Bytes.ToArray(), values.bytes.ToArray());
    }

    [Fact]
    public void Vectors_and_libtorch_give_the_same_float32()
    {
        using DisposeScope scope = NewDisposeScope();
        using FourBitMatrix matrix = Quantized();
        Tensor vectors = zeros(matrix.Shape, dtype: ScalarType.Float32, device: CPU);
        Tensor operators = zeros_like(vectors);

        KernelSet.Of(CPU, ScalarType.Float32).Dequantize(FourBitStack.Of(matrix), vectors);
        new TorchKernels().Dequantize(FourBitStack.Of(matrix), operators);

        Assert.True(vectors.Equals(operators));
    }

    [Fact]
    public void A_block_of_zeros_stays_zero()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = ones([4, 64], dtype: ScalarType.Float32, device: CPU);
        values[1].zero_();
        using FourBitMatrix matrix = Nf4Quantizer.Quantize(values, ScalarType.Float32);
        Tensor back = Arithmetic.Full([4, 64], 7, ScalarType.Float32, CPU);

        KernelSet.Of(CPU, ScalarType.Float32).Dequantize(FourBitStack.Of(matrix), back);

        Assert.Equal(0, back[1].abs().max().ToDouble());
    }

    [Theory]
    [InlineData(576, 1536)]
    [InlineData(50, 331)]
    [InlineData(1, 1)]
    public void The_size_is_that_of_the_tensors(long rows, long columns)
    {
        using DisposeScope scope = NewDisposeScope();
        using FourBitMatrix matrix = Nf4Quantizer.Quantize(ones([rows, columns], dtype: ScalarType.Float32, device: CPU), ScalarType.Float32);

        Assert.Equal(Nf4Layout.SizeOf(rows * columns), new[] { matrix.Codes, matrix.Magnitudes.Values, matrix.Magnitudes.Nested!.Scales, matrix.Magnitudes.Nested.Means }.Sum(tensor => tensor.numel() * tensor.ElementSize));
    }

    private FourBitMatrix Quantized()
    {
        TensorData values = stored["values"];
        Tensor matrix = empty(values.Shape, dtype: ScalarType.BFloat16, device: CPU);
        values.Bytes.Span.CopyTo(matrix.bytes);
        return Nf4Quantizer.Quantize(matrix.to(ScalarType.Float32), ScalarType.BFloat16);
    }

    private float[] Singles(string name) => MemoryMarshal.Cast<byte, float>(stored[name].Bytes.Span).ToArray();
}
