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
    private long magnitudes;
    private bool isMade;
    private ExceptionDispatchInfo? failure;

    /// <summary>The bytes that the largest product takes.</summary>
    public long Size { get; private set; }

    /// <summary>Those of them that are not there before the first product.</summary>
    public long Missing => Size - (memory is null ? 0 : memory.numel() * memory.ElementSize);

    /// <summary>
    /// The bytes that operators take while values are taken: the values in float32, their codes two at a time as numbers of 32 bits, and magnitudes as both. Vector
    /// code takes none.
    /// </summary>
    /// <remarks>Rounded tables would need no float32, but their values would not be bitsandbytes'.</remarks>
    public long Passing => isMade ? (needed * (sizeof(float) + (sizeof(int) / 2))) + (magnitudes * (sizeof(float) + sizeof(int))) : 0;

    /// <summary>Announces a product, so that there is room for the largest at once.</summary>
    public void Announce(params IReadOnlyList<FourBitStack> stacks)
    {
        FourBitMatrix top = stacks[0].Top;

        // Allocated at the first product: what the memory plan counts as missing until then.
        needed = Math.Max(needed, stacks.Sum(stack => stack.Shape[0] * stack.Shape[1]));
        Size = needed * top.DataType.ElementSize();
        isMade = KernelSet.Of(top.Codes.device, top.DataType).MakesResults;
        stacks.SelectMany(stack => stack.Matrices).ToList().ForEach(matrix => Announce(matrix.Magnitudes));
    }

    /// <summary>Announces magnitudes that are taken at once.</summary>
    public void Announce(BlockMagnitudes whole) => magnitudes = Math.Max(magnitudes, whole.Nested is null ? 0 : whole.Values.numel());

    /// <summary>The values of matrices that share an input and were announced, one below the other.</summary>
    /// <returns>[all outputs, in], in the caller's scope; other values are there after the next call.</returns>
    public Tensor Values(params IReadOnlyList<FourBitStack> stacks)
    {
        FourBitMatrix top = stacks[0].Top;
        long rows = stacks.Sum(stack => stack.Shape[0]);
        Reserve(top);

        // The front of the one buffer, whichever the matrices: the next product overwrites it.
        using Tensor stretch = memory!.narrow(0, 0, rows * top.Shape[1]);
        Tensor values = stretch.view(rows, top.Shape[1]);
        kernels ??= KernelSet.Of(memory.device, memory.dtype);
        long first = 0;
        foreach (FourBitStack stack in stacks)
        {
            using Tensor part = values.narrow(0, first, stack.Shape[0]);
            kernels.Dequantize(stack, part);
            first += stack.Shape[0];
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
