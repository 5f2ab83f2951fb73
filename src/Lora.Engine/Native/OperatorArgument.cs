using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>One argument of an operator, never a text, with each of which libtorch 2.10 loses 48 bytes. Nothing native is made before the call, which consumes what is made.</summary>
internal readonly struct OperatorArgument
{
    private readonly object? reference;
    private readonly ulong bits;
    private readonly bool isOptional;

    private OperatorArgument(object? reference, ulong bits, bool isOptional)
    {
        this.reference = reference;
        this.bits = bits;
        this.isOptional = isOptional;
    }

    /// <summary>No value, for a parameter that may have none.</summary>
    public static OperatorArgument None => default;

    public static implicit operator OperatorArgument(Tensor tensor) => new(tensor, 0, false);

    public static implicit operator OperatorArgument(long value) => new(null, (ulong)value, false);

    public static implicit operator OperatorArgument(double value) => new(null, BitConverter.DoubleToUInt64Bits(value), false);

    public static implicit operator OperatorArgument(bool value) => new(null, value ? 1UL : 0UL, false);

    /// <summary>A list of tensors or of numbers.</summary>
    public static OperatorArgument List(params OperatorArgument[] items) => new(items, 0, false);

    /// <summary>A value for a parameter that may have none.</summary>
    public static OperatorArgument Some(OperatorArgument value) => new(value.reference, value.bits, true);

    /// <summary>The value as it lies on the operator's stack.</summary>
    internal unsafe ulong ToStack()
    {
        ulong value = reference switch
        {
            Tensor tensor => TensorHandle(tensor),
            OperatorArgument[] items => ListHandle(items),
            _ => bits,
        };
        if (!isOptional)
        {
            return value;
        }

        // Freed by the callee.
        ulong* box = (ulong*)NativeMemory.Alloc(sizeof(ulong));
        *box = value;
        return (ulong)box;
    }

    private static ulong TensorHandle(Tensor tensor)
    {
        Dispatcher.Check(TorchShim.NewTensorHandle(tensor.Handle, out nint handle), nameof(TorchShim.NewTensorHandle));
        return (ulong)handle;
    }

    private static ulong ListHandle(OperatorArgument[] items)
    {
        Dispatcher.Check(TorchShim.NewList((nuint)items.Length, out nint list), nameof(TorchShim.NewList));
        foreach (OperatorArgument item in items)
        {
            Dispatcher.Check(TorchShim.PushBack(list, item.ToStack()), nameof(TorchShim.PushBack));
        }

        return (ulong)list;
    }
}
