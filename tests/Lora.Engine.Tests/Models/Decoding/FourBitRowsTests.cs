using System.Runtime.Intrinsics;
using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using Lora.Quantization;
using Lora.Tests.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Products with codes, held to float64 products with the values that bitsandbytes' form says the codes are (<see cref="IKernels.Dequantize"/>).</summary>
public unsafe class FourBitRowsTests
{
    private const double Tolerance = 2e-6; // of the sum of the magnitudes of all terms: float32, added up in another order

    [Theory]
    [InlineData(5, 64)] // of one block
    [InlineData(37, 576)]
    [InlineData(9, 352)] // rows that end within a block
    [InlineData(300, 96)] // several groups of blocks
    public void Products_equal_those_with_the_values(int rows, int width)
    {
        VectorCode.SkipWhereThereIsNone();
        using DisposeScope scope = NewDisposeScope();
        FourBitMatrix nested = Nf4Quantizer.Quantize(Drawn(rows, width), ScalarType.Float32);
        FourBitMatrix plain = nested with { Code = FourBitCode.Fp4, Magnitudes = new(rand([nested.Blocks], dtype: ScalarType.Float32, device: CPU), null) };
        foreach (FourBitMatrix[] matrices in new FourBitMatrix[][] { [nested], [plain], [nested, plain] })
        {
            Check<Lanes256>(matrices);
            if (Vector512.IsHardwareAccelerated)
            {
                Check<Lanes512>(matrices);
            }
        }
    }

    [Fact]
    public void Rows_of_odd_lengths_are_not_served() =>
        Assert.Equal([true, true, false], new long[] { 64, 32, 48 }.Select(width => FourBitRows.Serves(Nf4Layout.WithoutValues([4, width], ScalarType.Float32, META))));

    private static void Check<TLanes>(FourBitMatrix[] matrices)
        where TLanes : unmanaged, ILanes<TLanes>
    {
        long width = matrices[0].Shape[1], rows = matrices.Sum(matrix => matrix.Shape[0]);
        const int Vectors = 6;
        Tensor values = cat([.. matrices.Select(matrix =>
        {
            Tensor part = empty(matrix.Shape, dtype: ScalarType.Float32, device: CPU);
            KernelSet.Of(CPU, ScalarType.Float32).Dequantize(FourBitStack.Of(matrix), part);
            return part;
        })]).to(ScalarType.Float64); // [rows, width]
        Tensor x = Drawn(Vectors, width);
        double[] expected = [.. x.to(ScalarType.Float64).mm(values.t()).data<double>()]; // [vectors, rows]
        double[] terms = [.. x.to(ScalarType.Float64).abs().mm(values.abs().t()).data<double>()];
        float[] together = Multiply<TLanes>(matrices, x, 0, Vectors);
        for (int at = 0; at < expected.Length; at++)
        {
            Assert.InRange(Math.Abs(together[at] - expected[at]), 0, Tolerance * terms[at]);
        }

        // What comes of a vector is the same to the bit whatever is beside it.
        Assert.Equal(together, Enumerable.Range(0, Vectors).SelectMany(vector => Multiply<TLanes>(matrices, x, vector, 1)));
    }

    /// <summary>Products of some vectors, made in two parts as by two threads, [vectors, rows].</summary>
    private static float[] Multiply<TLanes>(FourBitMatrix[] matrices, Tensor x, int first, int vectors)
        where TLanes : unmanaged, ILanes<TLanes>
    {
        long width = x.shape[1], rows = matrices.Sum(matrix => matrix.Shape[0]);
        using FloatMemory y = new(vectors * rows), apart = new(vectors * width), scales = new(width / FourBitRows.Unit);
        WorkerBuffers own = new(null, null, null, null, apart.First, scales.First);
        FourBitRows codes = new(matrices);
        float* source = (float*)TensorMemory.Address(x) + (first * width);
        codes.Multiply<TLanes>(source, vectors, own, y.First, rows, 0, rows / 3);
        codes.Multiply<TLanes>(source, vectors, own, y.First, rows, rows / 3, rows);
        return new Span<float>(y.First, (int)(vectors * rows)).ToArray();
    }

    private static Tensor Drawn(long rows, long width)
    {
        using Generator generator = new((ulong)((rows * 1000) + width), CPU);
        return randn([rows, width], dtype: ScalarType.Float32, device: CPU, generator: generator);
    }
}
