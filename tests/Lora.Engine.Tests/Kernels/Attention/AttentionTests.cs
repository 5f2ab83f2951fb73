using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Kernels;

/// <summary>Attention of a packed batch, forward and backward, against autograd of the plain formula in float64, document by document.</summary>
public class AttentionTests
{
    private const double Factor = 0.3;

    // One of several blocks of queries.
    private static readonly int[] Lengths = [5, 1, 300, 33];

    public static TheoryData<bool, int, int?> Cases { get; } = new(
        from byTiles in new[] { false, true }
        from keyHeads in new[] { 1, 2, 4 }
        from window in new int?[] { null, 1, 7, 200 }
        select (byTiles, keyHeads, window));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Results_and_gradients_are_autograd_s(bool byTiles, int keyHeads, int? window)
    {
        using DisposeScope scope = NewDisposeScope();
        (IKernels kernels, ScalarType type, double tolerance) = byTiles
            ? (KernelSet.Of(CPU, ScalarType.Float32), ScalarType.Float32, 1e-5)
            : ((IKernels)new TorchKernels(), ScalarType.Float64, 1e-12);
        AttentionHeads shape = new(Heads: 4, keyHeads, HeadSize: 8, window, Factor);
        using TensorStack states = new(CPU);
        using TensorStack scratch = new(CPU);
        AttentionRun run = new(kernels.Attention(shape, type, scratch), shape, Lengths, type);
        run.Run(states);

        run.Check(tolerance);
    }
}
