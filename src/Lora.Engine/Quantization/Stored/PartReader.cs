using Lora.Checkpoints;
using Lora.Kernels;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Quantization;

/// <summary>Reads a stored weight's tensors into memory that lives in the caller's dispose scope.</summary>
/// <param name="parts">The tensors.</param>
/// <param name="onRead">Told of bytes that were read, on several threads.</param>
internal sealed unsafe class PartReader(StoredParts parts, Action<long>? onRead)
{
    private const int SliceBytes = 4 << 20;
    private const int Behind = 64; // more than a vector

    /// <summary>The bytes as they are stored, and some behind them that may be read and mean nothing.</summary>
    public byte* Bytes(TensorInfo tensor)
    {
        Tensor memory = empty([tensor.Length + Behind], dtype: ScalarType.Byte, device: CPU);
        Into(memory, tensor);
        return Rows<byte>.Memory<byte>(memory);
    }

    /// <summary>Reads the bytes into the front of a tensor, on several threads.</summary>
    public void Into(Tensor memory, TensorInfo tensor) => Parallel.For(0, (tensor.Length + SliceBytes - 1) / SliceBytes, slice =>
    {
        long first = slice * SliceBytes;
        int count = (int)Math.Min(SliceBytes, tensor.Length - first);
        parts.Checkpoint.Read(tensor, first, TensorMemory.Bytes(memory, first, count));
        onRead?.Invoke(count);
    });

    /// <summary>32-bit words.</summary>
    public uint* Words(TensorInfo tensor) => (uint*)Bytes(tensor);

    /// <summary>Scales of any dtype in float32.</summary>
    public float* Floats(TensorInfo tensor)
    {
        byte* stored = Bytes(tensor);
        if (tensor.DataType == TensorDataType.F32)
        {
            return (float*)stored;
        }

        long count = tensor.ElementCount;
        float* values = Room(count);
        for (long at = 0; at < count; at++)
        {
            values[at] = tensor.DataType switch
            {
                TensorDataType.F16 => (float)((Half*)stored)[at],
                TensorDataType.BF16 => BitConverter.UInt32BitsToSingle((uint)((ushort*)stored)[at] << 16),
                TensorDataType.I8 => ((sbyte*)stored)[at],
                TensorDataType.I32 => ((int*)stored)[at],
                _ => SmallFloat.PowerOfTwo(stored[at]), // F8_E8M0
            };
        }

        return values;
    }

    /// <summary>A group's number for each column, 32 or 64 bits on disk.</summary>
    /// <exception cref="LoraException">QuantizedWeightInvalid: a number is none of a group.</exception>
    public int[] Groups(TensorInfo tensor, long groups)
    {
        byte* stored = Bytes(tensor);
        int[] numbers = new int[tensor.ElementCount];
        for (int at = 0; at < numbers.Length; at++)
        {
            long number = tensor.DataType == TensorDataType.I64 ? ((long*)stored)[at] : ((int*)stored)[at];
            numbers[at] = number >= 0 && number < groups ? (int)number : throw parts.Invalid($"its order names the group {number}, and there are {groups}");
        }

        return numbers;
    }

    /// <summary>Room for so many float32 values, and some behind them that may be read and mean nothing.</summary>
    public static float* Room(long count) => Rows<float>.Memory<float>(empty([count + Behind], dtype: ScalarType.Float32, device: CPU));
}
