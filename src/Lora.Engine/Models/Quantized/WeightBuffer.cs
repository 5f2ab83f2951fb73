using System.Runtime.ExceptionServices;
using Lora.Kernels;
using Lora.Native;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// The one place where the 4-bit matrices of a model have their values, each right before a product that needs it and until the next. One thread
/// at a time may use it.
/// </summary>
internal sealed class WeightBuffer : IDisposable
{
    private Tensor? memory;
    private IKernels? kernels;
    private long needed;
    private ExceptionDispatchInfo? failure;

    /// <summary>The bytes that the largest product takes.</summary>
    public long Size { get; private set; }

    /// <summary>Those of them that are not there before the first product.</summary>
    public long Missing => Size - (memory is null ? 0 : memory.numel() * memory.ElementSize);

    /// <summary>The bytes that operators take in passing while values are taken: the values in float32, and the codes as numbers of 32 bits. Vector code takes none.</summary>
    public long Passing { get; private set; }

    /// <summary>Announces a product, so that there is room for the largest at once.</summary>
    public void Announce(params IReadOnlyList<FourBitMatrix> matrices)
    {
        // Allocated at the first product: what the memory plan counts as missing until then.
        needed = Math.Max(needed, matrices.Sum(matrix => matrix.Shape[0] * matrix.Shape[1]));
        Size = needed * matrices[0].DataType.ElementSize();
        bool isMade = KernelSet.Of(matrices[0].Codes.device, matrices[0].DataType).MakesResults;

        // Two values have one code. Rounded tables would need no float32, but their values would not be bitsandbytes'.
        Passing = isMade ? needed * (sizeof(float) + (sizeof(int) / 2)) : 0;
    }

    /// <summary>The values of matrices that share an input and were announced, one below the other.</summary>
    /// <returns>[all outputs, in], in the caller's scope; other values are there after the next call.</returns>
    public Tensor Values(params IReadOnlyList<FourBitMatrix> matrices)
    {
        FourBitMatrix top = matrices[0];
        long rows = matrices.Sum(matrix => matrix.Shape[0]);
        Reserve(top);

        // The front of the one buffer, whichever the matrices: the next product overwrites it.
        using Tensor stretch = memory!.narrow(0, 0, rows * top.Shape[1]);
        Tensor values = stretch.view(rows, top.Shape[1]);
        kernels ??= KernelSet.Of(memory.device, memory.dtype);
        long first = 0;
        foreach (FourBitMatrix matrix in matrices)
        {
            using Tensor part = values.narrow(0, first, matrix.Shape[0]);
            kernels.Dequantize(matrix, part);
            first += matrix.Shape[0];
        }

        return values;
    }

    /// <summary>Keeps what went wrong where no exception may be thrown: within libtorch's backward pass.</summary>
    public void Fail(Exception exception) => failure ??= ExceptionDispatchInfo.Capture(exception);

    /// <summary>Throws what was kept; called after each backward pass.</summary>
    public void ThrowIfFailed()
    {
        ExceptionDispatchInfo? kept = failure;
        failure = null;
        kept?.Throw();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        memory?.Dispose();
        memory = null;
    }

    private void Reserve(FourBitMatrix matrix)
    {
        if (memory is not null && memory.numel() >= needed)
        {
            return;
        }

        Dispose();
        memory = empty([needed], dtype: matrix.DataType, device: matrix.Codes.device).DetachFromDisposeScope();
        if (memory.device_type == DeviceType.CPU)
        {
            LargePages.Advise(TensorMemory.Address(memory), Size);
        }
    }
}
