using Lora.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Every kernel against the same kernel in float64 on the processor, which the tests hold to autograd.</summary>
internal static class KernelChecks
{
    // Of norms: some roundings to the dtype's 24, 11 and 8 bits.
    private static readonly (ScalarType Type, double Tolerance)[] Types = [(ScalarType.Float32, 2e-5), (ScalarType.Float16, 4e-3), (ScalarType.BFloat16, 3e-2)];

    private static readonly int[] Many = [.. Enumerable.Range(0, 32).Select(index => 1 + (index * 13 % 97))];

    private static readonly (string Name, Func<KernelSide, Tensor[]> Run)[] Kernels =
    [
        ("norm, 77 x 576", side => side.Norm(77, 576)),
        ("norm, 5 x 131", side => side.Norm(5, 131)),
        ("norm of heads, 33 tokens, 5 of 64", side => side.NormOfHeads(33, 5, 64)),
        ("rotation, 77 tokens, 5 heads of 64", side => side.Rotation(77, 5, 64)),
        ("rotation, 3 tokens, 1 head of 22", side => side.Rotation(3, 1, 22)),
        ("silu gate, 77 x 131", side => side.Gate(GateActivation.Silu, 77, 131)),
        ("gelu gate, 33 x 130", side => side.Gate(GateActivation.TanhGelu, 33, 130)),
        ("loss, 33 places of 1,009", side => side.Loss(33, 1009)),
        ("attention, 5, 1, 300 and 33 tokens", side => side.Attention(new(6, 2, 64, null, 0.125), [5, 1, 300, 33])),
        ("attention in windows of 7", side => side.Attention(new(6, 2, 64, 7, 0.125), [5, 1, 300, 33])),
        ("attention, 32 documents, equal heads of 128", side => side.Attention(new(2, 2, 128, null, 0.09), Many)),
        ("attention, heads of 20", side => side.Attention(new(4, 1, 20, null, 0.2), [17, 40])),
        ("attention with capped scores, 32 documents", side => side.Attention(new(4, 2, 32, null, 0.2) { Cap = 5 }, Many)),
        ("attention with capped scores, in windows of 7", side => side.Attention(new(6, 2, 64, 7, 0.125) { Cap = 5 }, [5, 1, 300, 33])),
        ("AdamW, 1,001 values", side => side.Adam(1001)),
        ("4-bit values, 301 x 203", side => side.FourBit(301, 203)),
    ];

    /// <summary>Runs all of them.</summary>
    public static void Run(Findings findings, Device device)
    {
        findings.Begin("Kernels against float64");
        foreach ((ScalarType type, double tolerance) in Types)
        {
            foreach ((string name, Func<KernelSide, Tensor[]> run) in Kernels)
            {
                string what = $"{name}, {type}";
                findings.Try(what, () =>
                {
                    using DisposeScope scope = NewDisposeScope();
                    using IDisposable noGradient = no_grad();
                    Tensor[] exact = run(new(new TorchKernels(), CPU, ScalarType.Float64, type, Generator()));
                    Tensor[] found = run(Tested(type));
                    findings.Check(what, found.Zip(exact, Distance).Max(), tolerance);
                });
            }

            findings.Try($"dropout, {type}", () =>
            {
                using DisposeScope scope = NewDisposeScope();
                double[] found = [.. Tested(type).Dropout(512, 513).Select(value => value.ToDouble())];
                findings.Check($"dropout of a quarter, share that stays, {type}", Math.Abs(found[0] - 0.75), 0.005);
                findings.Check($"dropout, what stays times 3/4, {type}", Math.Abs((found[1] * 0.75) - 1), 4e-3);
                findings.Check($"dropout, values that the same seed drops otherwise, {type}", 1 - found[2], 0);
            });
        }

        KernelSide Tested(ScalarType type) => new(GpuBenchmark.Kernels(device, type), device, type, type, Generator());

        static Generator Generator() => new(seed: 11, CPU);
    }

    /// <summary>The norm of the difference over the norm of what is expected; NaN where something is not finite.</summary>
    public static double Distance(Tensor found, Tensor expected)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor exact = expected.to(ScalarType.Float64).cpu();
        return ((found.to(ScalarType.Float64).cpu() - exact).norm() / exact.norm()).ToDouble();
    }
}
