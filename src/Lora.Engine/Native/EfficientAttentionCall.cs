using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>
/// Calls libtorch's _efficient_attention_forward by a line of TorchScript. Its results are four tensors and two numbers, and the C interface of
/// libtorch 2.10 reads each result by the type of the one as far from the other end, so that it fails after the work is done. The backward pass has
/// tensors alone and goes through <see cref="Dispatcher"/>.
/// </summary>
internal static class EfficientAttentionCall
{
    // 1 is the mask by which a query sees keys from its document's first to itself.
    private const string Script = """
        def forward(query: Tensor, key: Tensor, value: Tensor, ends: Tensor, longest: int, factor: float, window: Optional[int]):
            mixed, sums, seed, offset, queries, keys = torch._efficient_attention_forward(query, key, value, None, ends, ends, longest, longest, 0.0, 1, True, scale=factor, seqlen_k=None, window_size=window)
            return mixed, sums, seed, offset

        """;

    private static readonly Lazy<jit.CompilationUnit> Compiled = new(() => jit.compile(Script));

    /// <summary>Causal attention within documents that lie end to end.</summary>
    /// <param name="query">[1, tokens, heads, headSize].</param>
    /// <param name="key">Like the query.</param>
    /// <param name="value">Like the query.</param>
    /// <param name="ends">The first token of each document and, last, the number of all, [documents + 1], int32.</param>
    /// <param name="longest">Tokens of the longest document.</param>
    /// <param name="factor">What scores are multiplied by.</param>
    /// <param name="window">How many keys a query sees, itself included; null for all before it.</param>
    /// <returns>What was mixed, like the query; the logarithms of the sums, [documents, heads, tokens of the longest in whole blocks of 32]; two numbers
    /// that a dropout would have been drawn by.</returns>
    public static (Tensor Mixed, Tensor Sums, Tensor Seed, Tensor Offset) Forward(
        Tensor query, Tensor key, Tensor value, Tensor ends, int longest, double factor, int? window)
    {
        // TorchSharp does not hold the object that it makes of a floating-point number; whole numbers are handed over as they are.
        using Scalar number = factor.ToScalar();
        object result = Compiled.Value.invoke("forward", query, key, value, ends, longest, number, window!);
        GC.KeepAlive(number);
        return ((Tensor, Tensor, Tensor, Tensor))result;
    }
}
