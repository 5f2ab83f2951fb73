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
    private const long TileBytes = 16 << 20;
    private const long FewestColumns = 256;
    private const long FewestRows = 1024; // with fewer, oneDNN loses a third of its rate on large matrices
    private static readonly bool PrefersOneDnn = IsOtherX86() && TorchShim.HasLinearPointwise;

    /// <summary>Bytes that products need on a device in passing: on a processor what libtorch's libraries were seen to pack for each thread, and a tile; else cuBLAS's.</summary>
    public static long Workspace(Device device) => device.type == DeviceType.CPU ? (get_num_threads() * (8L << 20)) + (PrefersOneDnn ? TileBytes : 0)
        : CublasWorkspace.Bytes(device.type == DeviceType.CUDA ? NvidiaManagement.ComputeCapability(Math.Max(0, device.index))?.Major : null, Environment.GetEnvironmentVariable);

    /// <summary>y = x Wᵀ + b + residual.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="bias">[out], or null.</param>
    /// <param name="residual">[tokens, out], or null.</param>
    /// <param name="y">[tokens, out]; written. May be the residual itself.</param>
    public static void Forward(Tensor x, Tensor weight, Tensor? bias, Tensor? residual, Tensor y)
    {
        if (UsesOneDnn(x))
        {
            if (residual is not null)
            {
                y.copy_(residual);
            }

            ByOneDnn(x, weight, y, accumulate: residual is not null);
            _ = bias is null ? y : y.Add(bias);
            return;
        }

        // A view; BLAS reads it as a flag and copies nothing.
        using Tensor transposed = weight.t();
        if ((residual ?? bias) is Tensor addend)
        {
            ProductInto.Sum(y, addend, x, transposed);
            _ = residual is null || bias is null ? y : y.Add(bias);
        }
        else
        {
            ProductInto.Matrix(y, x, transposed);
        }
    }

    /// <summary>dx = dy W, the gradient of <see cref="Forward"/> by x.</summary>
    /// <param name="dy">[tokens, out].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="dx">[tokens, in]; written.</param>
    public static void Backward(Tensor dy, Tensor weight, Tensor dx)
    {
        if (!UsesOneDnn(dy))
        {
            ProductInto.Matrix(dx, dy, weight);
            return;
        }

        // oneDNN's linear multiplies by the transpose of what it is given: dy (Wᵀ)ᵀ = dy W.
        using Tensor transposed = weight.t();
        ByOneDnn(dy, transposed, dx, accumulate: false);
    }

    private static void ByOneDnn(Tensor x, Tensor weight, Tensor y, bool accumulate)
    {
        if (weight.is_contiguous())
        {
            InColumns(x, weight, y, accumulate);
        }
        else
        {
            InRows(x, weight, y, accumulate);
        }
    }

    /// <summary>oneDNN's product makes its result anew: so many columns at a time that it is still in the processor's cache when it is copied.</summary>
    private static void InColumns(Tensor x, Tensor weight, Tensor y, bool accumulate)
    {
        // Whole multiples, so that only the last tile is of another shape.
        long columns = Math.Max(FewestColumns, TileBytes / (x.shape[0] * sizeof(float)) / FewestColumns * FewestColumns);
        for (long start = 0; start < weight.shape[0]; start += columns)
        {
            long count = Math.Min(columns, weight.shape[0] - start);
            using Tensor part = weight.narrow(0, start, count);
            using Tensor product = OneDnn(x, part); // [tokens, count]
            using Tensor target = y.narrow(1, start, count);
            _ = accumulate ? target.Add(product) : target.copy_(product);
        }
    }

    /// <summary>The same by rows: some of a transposed matrix's columns are a view that oneDNN is many times slower with.</summary>
    private static void InRows(Tensor x, Tensor weight, Tensor y, bool accumulate)
    {
        // A row of the result has as many values as the weight has rows.
        long rows = Math.Max(FewestRows, TileBytes / (weight.shape[0] * sizeof(float)));
        for (long start = 0; start < x.shape[0]; start += rows)
        {
            long count = Math.Min(rows, x.shape[0] - start);
            using Tensor part = x.narrow(0, start, count);
            using Tensor product = OneDnn(part, weight); // [count, weight rows]
            using Tensor target = y.narrow(0, start, count);
            _ = accumulate ? target.Add(product) : target.copy_(product);
        }
    }

    private static bool UsesOneDnn(Tensor x) => PrefersOneDnn && x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU;

    /// <summary>x Wᵀ by oneDNN, the caller's; only where libtorch has it (<see cref="TorchShim.HasLinearPointwise"/>).</summary>
    internal static unsafe Tensor OneDnn(Tensor x, Tensor weight)
    {
        // Not by the dispatcher, which takes no texts.
        Dispatcher.Check(TorchShim.LinearPointwise(x.Handle, weight.Handle, null, "none", null, 0, null, out nint result), nameof(TorchShim.LinearPointwise));

        // Handles were passed as numbers: without this a collection could free the tensors during the call.
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
