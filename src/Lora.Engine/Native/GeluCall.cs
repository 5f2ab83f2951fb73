using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>
/// Calls libtorch's gelu and gelu_backward by lines of TorchScript: they take a text, and the C interface of libtorch 2.10 loses 48 bytes with every text
/// that it is handed, so <see cref="Dispatcher"/> takes none.
/// </summary>
internal static class GeluCall
{
    private const string Script = """
        def forward(x: Tensor, result: Tensor):
            return torch.gelu(x, approximate="tanh", out=result)

        def backward(gradient: Tensor, x: Tensor, result: Tensor):
            return torch.gelu_backward(gradient, x, approximate="tanh", grad_input=result)

        """;

    private static readonly Lazy<jit.CompilationUnit> Compiled = new(() => jit.compile(Script));

    /// <summary>Writes GELU's tanh form.</summary>
    public static void Write(Tensor result, Tensor x) => ((Tensor)Compiled.Value.invoke("forward", x, result)).Dispose();

    /// <summary>Writes the gradient of GELU's tanh form at x, times dy; may be dy itself.</summary>
    public static void WriteGradient(Tensor result, Tensor dy, Tensor x) => ((Tensor)Compiled.Value.invoke("backward", dy, x, result)).Dispose();
}
