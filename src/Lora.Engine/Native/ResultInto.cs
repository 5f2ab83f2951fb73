using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>Operators that write into a tensor that is there, which TorchSharp does not wrap; of another dtype than theirs it gets rounded results, without a copy on a GPU.</summary>
internal static class ResultInto
{
    /// <summary>Writes left · right, value by value.</summary>
    public static void Product(Tensor result, Tensor left, Tensor right) => Run("aten::mul", "out", left, right, result);

    /// <summary>Writes the sum over one dimension.</summary>
    public static void Sum(Tensor result, Tensor values, long dimension) =>
        Run("aten::sum", "IntList_out", values, OperatorArgument.Some(OperatorArgument.List(dimension)), false, OperatorArgument.None, result);

    /// <summary>Writes tensors side by side, along one dimension.</summary>
    public static void Joined(Tensor result, IEnumerable<Tensor> parts, long dimension) =>
        Run("aten::cat", "out", OperatorArgument.List([.. parts.Select(part => (OperatorArgument)part)]), dimension, result);

    /// <summary>Writes some rows of a table.</summary>
    public static void Rows(Tensor result, Tensor table, Tensor index) => Slices(result, table, 0, index);

    /// <summary>Writes some slices of one dimension.</summary>
    public static void Slices(Tensor result, Tensor values, long dimension, Tensor index) => Run("aten::index_select", "out", values, dimension, index, result);

    /// <summary>Writes x σ(x).</summary>
    public static void Silu(Tensor result, Tensor x) => Run("aten::silu", "out", x, result);

    /// <summary>Writes the gradient of x σ(x) at x, times dy; may be dy itself.</summary>
    public static void SiluGradient(Tensor result, Tensor dy, Tensor x) => Run("aten::silu_backward", "grad_input", dy, x, result);

    /// <summary>Writes log softmax over the last dimension; may be x itself.</summary>
    public static void LogSoftmax(Tensor result, Tensor x) => Run("aten::_log_softmax", "out", x, -1L, false, result);

    /// <summary>Writes softmax over the last dimension; may be x itself.</summary>
    public static void Softmax(Tensor result, Tensor x) => Run("aten::_softmax", "out", x, -1L, false, result);

    /// <summary>Writes y (dy - Σ y dy), the gradient of y = softmax(x) at x; may be dy itself.</summary>
    public static void SoftmaxGradient(Tensor result, Tensor dy, Tensor y) => Run("aten::_softmax_backward_data", "out", dy, y, -1L, (long)y.dtype, result);

    /// <summary>Writes dy (1 - y²), the gradient of y = tanh x at x; may be dy or y itself.</summary>
    public static void TanhGradient(Tensor result, Tensor dy, Tensor y) => Run("aten::tanh_backward", "grad_input", dy, y, result);

    /// <summary>Writes the larger one of two, value by value; may be either of them.</summary>
    public static void Larger(Tensor result, Tensor left, Tensor right) => Run("aten::maximum", "out", left, right, result);

    /// <summary>Writes 1 where left is at least right, and 0 elsewhere.</summary>
    public static void IsAtLeast(Tensor result, Tensor left, Tensor right) => Run("aten::ge", "Tensor_out", left, right, result);

    /// <summary>Writes 1 where values differ, and 0 elsewhere.</summary>
    public static void IsOther(Tensor result, Tensor left, Tensor right) => Run("aten::ne", "Tensor_out", left, right, result);

    private static void Run(string name, string overload, params ReadOnlySpan<OperatorArgument> arguments) =>
        Dispatcher.Call(name, overload, arguments).Dispose(); // the result once more, by another handle
}
