using Lora.Kernels;
using Lora.Native;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// What a base in 4 bits costs in time: the values of a matrix against the product that they are for. Beside it an int8 weight, widened before the
/// product and multiplied by libtorch's own int8 product.
/// </summary>
internal static class QuantizationBenchmark
{
    private const int Repetitions = 5;
    private const long Tokens = 512;

    public static void Run()
    {
        TorchLibrary.Load();
        Table.Head(
            $"ms, {get_num_threads()} threads [out, in]",
            "dtype",
            "quantise to NF4",
            "values of NF4, vectors",
            "values of NF4, operators",
            "values of int8",
            $"product, {Tokens} tokens",
            "libtorch's int8 product");
        foreach (ScalarType type in ProductBenchmark.Types())
        {
            Row(type, 3072, 576);
            Row(type, 4096, 2048);
        }
    }

    private static void Row(ScalarType type, long outputs, long inputs)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor exact = randn([outputs, inputs], dtype: ScalarType.Float32, device: CPU).mul_(0.02);
        using FourBitMatrix matrix = Nf4Quantizer.Quantize(exact, type);
        FourBitStack stack = FourBitStack.Of(matrix);
        Tensor weight = exact.to(type);
        Tensor values = empty_like(weight);
        Tensor x = randn([Tokens, inputs], dtype: ScalarType.Float32, device: CPU).to(type);
        Tensor bytes = exact.mul(1000).clamp_(-127, 127).to(ScalarType.Int8);
        Tensor scales = ones([outputs, 1], dtype: type, device: CPU);
        Tensor flat = scales.flatten();
        IKernels vectors = KernelSet.Of(CPU, type);
        TorchKernels operators = new();
        Measurement[] times = Measurement.InTurn(
        [
            () => Nf4Quantizer.Quantize(exact, type).Dispose(),
            () => vectors.Dequantize(stack, values),
            () => operators.Dequantize(stack, values),
            () => values.copy_(bytes).mul_(scales),
            () => nn.functional.linear(x, weight).Dispose(),
            () => Dispatcher.Call("aten::_weight_int8pack_mm", "", x, bytes, flat).Dispose(),
        ], Repetitions);
        Table.Row([$"{outputs}, {inputs}", type.ToString(), .. times.Select(time => time.Milliseconds())]);
    }
}
