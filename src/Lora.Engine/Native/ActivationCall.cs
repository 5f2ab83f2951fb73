using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>
/// Calls libtorch's activations by lines of TorchScript: gelu and gelu_backward take a text, and the C interface of libtorch 2.10 loses 48 bytes with every
/// text that it is handed, so <see cref="Dispatcher"/> takes none; threshold takes numbers that may be whole or not, which it cannot hand over.
/// </summary>
internal static class ActivationCall
{
    private const string Script = """
        def gelu(x: Tensor, result: Tensor):
            return torch.gelu(x, approximate="none", out=result)

        def gelu_gradient(gradient: Tensor, x: Tensor, result: Tensor):
            return torch.gelu_backward(gradient, x, approximate="none", grad_input=result)

        def tanh_gelu(x: Tensor, result: Tensor):
            return torch.gelu(x, approximate="tanh", out=result)

        def tanh_gelu_gradient(gradient: Tensor, x: Tensor, result: Tensor):
            return torch.gelu_backward(gradient, x, approximate="tanh", grad_input=result)

        def relu(x: Tensor, result: Tensor):
            return torch.threshold(x, 0, 0, out=result)

        def relu_gradient(gradient: Tensor, x: Tensor, result: Tensor):
            return torch.threshold_backward(gradient, x, 0, grad_input=result)

        """;

    private static readonly Lazy<jit.CompilationUnit> Compiled = new(() => jit.compile(Script));

    /// <summary>Writes GELU by the error function.</summary>
    public static void Gelu(Tensor result, Tensor x) => Run("gelu", x, result);

    /// <summary>Writes the gradient of GELU at x, times dy; may be dy itself.</summary>
    public static void GeluGradient(Tensor result, Tensor dy, Tensor x) => Run("gelu_gradient", dy, x, result);

    /// <summary>Writes GELU's tanh form.</summary>
    public static void TanhGelu(Tensor result, Tensor x) => Run("tanh_gelu", x, result);

    /// <summary>Writes the gradient of GELU's tanh form at x, times dy; may be dy itself.</summary>
    public static void TanhGeluGradient(Tensor result, Tensor dy, Tensor x) => Run("tanh_gelu_gradient", dy, x, result);

    /// <summary>Writes x where it is positive, and 0 elsewhere.</summary>
    public static void Relu(Tensor result, Tensor x) => Run("relu", x, result);

    /// <summary>Writes dy where x is positive, and 0 elsewhere; may be dy itself.</summary>
    public static void ReluGradient(Tensor result, Tensor dy, Tensor x) => Run("relu_gradient", dy, x, result);

    private static void Run(string name, params object[] tensors) => ((Tensor)Compiled.Value.invoke(name, tensors)).Dispose(); // the result once more, by another handle
}
