using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Products with frozen weights. On x86 processors that are not Intel's, libtorch's BLAS takes slow paths in float32, and oneDNN's own product,
/// which libtorch has too, is faster. The choice hangs on the processor alone, never on a measurement, so that runs repeat.
/// </summary>
internal static class FrozenProduct
{
    private static readonly bool PrefersOneDnn = IsOtherX86() && TorchShim.HasLinearPointwise;

    /// <summary>Bytes that products pack their operands into, as libtorch's libraries were seen to take them for each thread.</summary>
    public static long Workspace => get_num_threads() * (8L << 20);

    /// <summary>x Wᵀ.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="weight">[out, in].</param>
    public static Tensor Forward(Tensor x, Tensor weight) => UsesOneDnn(x) ? OneDnn(x, weight) : nn.functional.linear(x, weight);

    /// <summary>dy W, the gradient of <see cref="Forward"/> by x.</summary>
    /// <param name="dy">[tokens, out].</param>
    /// <param name="weight">[out, in].</param>
    public static Tensor Backward(Tensor dy, Tensor weight)
    {
        if (!UsesOneDnn(dy))
        {
            return dy.mm(weight);
        }

        using Tensor transposed = weight.t();
        return OneDnn(dy, transposed);
    }

    private static bool UsesOneDnn(Tensor x) => PrefersOneDnn && x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU;

    private static unsafe Tensor OneDnn(Tensor x, Tensor weight)
    {
        // Not by the dispatcher: libtorch 2.10 loses 48 bytes with every text that it is given there.
        Dispatcher.Check(TorchShim.LinearPointwise(x.Handle, weight.Handle, null, "none", null, 0, null, out nint result), nameof(TorchShim.LinearPointwise));
        GC.KeepAlive(x);
        GC.KeepAlive(weight);
        return Tensor.UnsafeCreateTensor(result);
    }

    private static bool IsOtherX86()
    {
        if (!X86Base.IsSupported)
        {
            return false;
        }

        // Leaf 0 spells the maker in ebx, edx, ecx: "Genu", "ineI", "ntel".
        (_, int first, _, _) = X86Base.CpuId(0, 0);
        return !MemoryMarshal.AsBytes([first]).SequenceEqual("Genu"u8);
    }
}
