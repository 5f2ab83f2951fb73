using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>
/// Calls any operator of libtorch by its name, on TorchSharp's own tensors: for those that TorchSharp does not wrap. libtorch says why a call
/// failed on standard error only, so callers check shapes first and a failure here is a mistake of this program.
/// </summary>
internal static unsafe class Dispatcher
{
    /// <summary>Calls an operator with one result, which the caller owns.</summary>
    /// <param name="name">With its namespace, for example <c>aten::mm</c>.</param>
    /// <param name="overload">The overload's name; empty for the one without.</param>
    /// <param name="arguments">All of them, in the order of the schema.</param>
    /// <exception cref="OperatorFailedException">The operator is unknown or refused its arguments.</exception>
    public static Tensor Call(string name, string overload, params ReadOnlySpan<OperatorArgument> arguments)
    {
        ulong* stack = stackalloc ulong[Math.Max(arguments.Length, 1)];
        Call(name, overload, arguments, stack);
        return Tensor.UnsafeCreateTensor((nint)stack[0]);
    }

    /// <summary>Calls an operator of several results, of which the first ones are tensors; the caller owns them.</summary>
    /// <param name="name">With its namespace.</param>
    /// <param name="overload">The overload's name; empty for the one without.</param>
    /// <param name="results">How many results it has.</param>
    /// <param name="tensors">How many of them are asked for.</param>
    /// <param name="arguments">All of them, in the order of the schema.</param>
    /// <exception cref="OperatorFailedException">The operator is unknown or refused its arguments.</exception>
    public static Tensor[] Call(string name, string overload, int results, int tensors, params ReadOnlySpan<OperatorArgument> arguments)
    {
        ulong* stack = stackalloc ulong[Math.Max(arguments.Length, results)];
        Call(name, overload, arguments, stack);
        Tensor[] found = new Tensor[tensors];
        for (int index = 0; index < tensors; index++)
        {
            found[index] = Tensor.UnsafeCreateTensor((nint)stack[index]);
        }

        return found;
    }

    /// <summary>Calls an operator without a result.</summary>
    /// <inheritdoc cref="Call(string, string, ReadOnlySpan{OperatorArgument})"/>
    public static void Run(string name, string overload, params ReadOnlySpan<OperatorArgument> arguments)
    {
        ulong* stack = stackalloc ulong[Math.Max(arguments.Length, 1)];
        Call(name, overload, arguments, stack);
    }

    /// <summary>Turns a result code of the C interface into an exception.</summary>
    internal static void Check(int code, string what)
    {
        if (code != 0)
        {
            throw new OperatorFailedException($"libtorch's {what} failed with code {code}; it wrote the reason to standard error.");
        }
    }

    private static void Call(string name, string overload, ReadOnlySpan<OperatorArgument> arguments, ulong* stack)
    {
        for (int index = 0; index < arguments.Length; index++)
        {
            stack[index] = arguments[index].ToStack();
        }

        Check(TorchShim.CallDispatcher(name, overload, stack), name);
    }
}

/// <summary>libtorch refused a call. Why it wrote to standard error alone.</summary>
internal sealed class OperatorFailedException(string message) : InvalidOperationException(message);
