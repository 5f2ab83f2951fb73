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
        ("norm with mean, 77 x 576", side => side.Norm(77, 576, takesMean: true)),
        ("norm with mean, 5 x 131", side => side.Norm(5, 131, takesMean: true)),
        ("norm of heads, 33 tokens, 5 of 64", side => side.NormOfHeads(33, 5, 64)),
        ("rotation, 77 tokens, 5 heads of 64", side => side.Rotation(77, 5, 64)),
        ("rotation, 3 tokens, 1 head of 22", side => side.Rotation(3, 1, 22)),
        ("silu gate, 77 x 131", side => side.Gate(GateActivation.Silu, 77, 131)),
        ("gelu gate, 33 x 130", side => side.Gate(GateActivation.TanhGelu, 33, 130)),
        .. Enum.GetValues<PlainActivation>().Select(activation => ($"{activation}, 77 x 131", (Func<KernelSide, Tensor[]>)(side => side.Activation(activation, 77, 131)))),
        ("scaled outputs, 77 x 131", side => side.Scale(77, 131)),
        ("loss, 33 places of 1,009", side => side.Loss(33, 1009)),
        ("AdamW, 1,001 values", side => side.Adam(1001)),
        ("4-bit values, 301 x 203", side => side.FourBit(301, 203)),
        ("4-bit values, 256 x 512", side => side.FourBit(256, 512)),
    ];

    private static readonly (string Name, AttentionHeads Heads, int[] Lengths)[] Attentions =
    [
        ("5, 1, 300 and 33 tokens", new(6, 2, 64, null, 0.125), [5, 1, 300, 33]),
        ("windows of 7", new(6, 2, 64, 7, 0.125), [5, 1, 300, 33]),
        ("32 documents, equal heads of 128", new(2, 2, 128, null, 0.09), Many),
        ("heads of 20", new(4, 1, 20, null, 0.2), [17, 40]),
        ("heads of 256", new(2, 1, 256, null, 0.0625), [17, 140]),
        ("capped scores, 32 documents", new(4, 2, 32, null, 0.2) { Cap = 5 }, Many),
        ("capped scores, windows of 7", new(6, 2, 64, 7, 0.125) { Cap = 5 }, [5, 1, 300, 33]),
    ];

    // What a card without their whole operators computes otherwise, and a card that has none.
    private static readonly string[] WithFormulas = ["norm, 77 x 576", "norm of heads, 33 tokens, 5 of 64", "AdamW, 1,001 values"];
    private static readonly CardFacts Bare = new(IsCuda: false, Generation: null, IsWindows: false, HasRepeatableAlgorithms: false);

    // A card chooses one of them; another card chooses another.
    private static readonly (AttentionOperator Operator, OperatorNeeds Needs)[] Operators =
        [(new FlashAttention(), OperatorNeeds.FlashAttention), (new EfficientAttention(), OperatorNeeds.EfficientAttention)];

    /// <summary>Runs all of them.</summary>
    public static void Run(Findings findings, Device device)
    {
        foreach ((ScalarType type, double tolerance) in Types.IntersectBy(GpuChecks.Types(device), known => known.Type))
        {
            foreach ((string name, Func<KernelSide, Tensor[]> run) in Kernels)
            {
                Compare($"{name}, {type}", type, tolerance, run, run);
            }

            foreach ((string name, Func<KernelSide, Tensor[]> run) in Kernels.IntersectBy(WithFormulas, known => known.Name))
            {
                findings.Try($"{name} by formulas, {type}", () => Hold($"{name} by formulas, {type}", type, tolerance, run, run, new TorchKernels(card: Bare)));
            }

            foreach ((string name, AttentionHeads heads, int[] lengths) in Attentions)
            {
                CompareAttention(name, heads, lengths, type, tolerance);
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

        void CompareAttention(string name, AttentionHeads heads, int[] lengths, ScalarType type, double tolerance)
        {
            Compare($"attention, {name}, {type}", type, tolerance, Exact, Exact);
            if (heads.Cap is null) // else they are what was chosen
            {
                Compare(
                    $"attention by plain products, {name}, {type}",
                    type,
                    tolerance,
                    Exact,
                    side => side.Attention(heads, lengths, scratch => new PlainAttention([], heads, scratch, type.ElementSize())));
            }

            foreach ((AttentionOperator found, OperatorNeeds needs) in Operators)
            {
                if (needs.Reason(CardFacts.Of(device), new(type, heads.HeadSize, heads.Window is not null, heads.Cap is not null)) is null)
                {
                    Compare(
                        $"attention by {found.Name}, {name}, {type}",
                        type,
                        tolerance,
                        Exact,
                        side => side.Attention(heads, lengths, _ => new PackedAttention(found, [], heads, type.ElementSize())));
                }
            }

            Tensor[] Exact(KernelSide side) => side.Attention(heads, lengths);
        }

        void Compare(string what, ScalarType type, double tolerance, Func<KernelSide, Tensor[]> exact, Func<KernelSide, Tensor[]> tested) =>
            findings.Try(what, () => Hold(what, type, tolerance, exact, tested, GpuChecks.Kernels(device, type)));

        void Hold(string what, ScalarType type, double tolerance, Func<KernelSide, Tensor[]> exact, Func<KernelSide, Tensor[]> tested, IKernels kernels)
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGradient = no_grad();
            Tensor[] expected = exact(new(new TorchKernels(), CPU, ScalarType.Float64, type, Generator()));
            Tensor[] found = tested(new(kernels, device, type, type, Generator()));
            findings.Check(what, found.Zip(expected, Distance).Max(), tolerance);
        }

        KernelSide Tested(ScalarType type) => new(GpuChecks.Kernels(device, type), device, type, type, Generator());

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
