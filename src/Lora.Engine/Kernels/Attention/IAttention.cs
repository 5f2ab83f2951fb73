using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// Causal attention within each of many documents that lie end to end, softmax(cap(factor q kᵀ)) v, over a whole batch at once. The query heads of a group share
/// a key/value head.
/// </summary>
internal interface IAttention
{
    /// <summary>What mixes the values, and why nothing quicker does; null where there is no choice.</summary>
    string? Way { get; }

    /// <summary>Whether q, k, v and what was mixed have to stay as they are until the backward pass; if not, the state has what it needs.</summary>
    bool KeepsInputs { get; }

    /// <summary>Mixes values.</summary>
    /// <param name="heads">q, k and v, rotated.</param>
    /// <param name="documents">Where each document lies.</param>
    /// <param name="place">Where the state goes.</param>
    /// <param name="mixedPlace">Where the result goes.</param>
    /// <param name="keepsProbabilities">Whether probabilities are part of the state, where they are ever there.</param>
    /// <returns>[tokens, heads, headSize] and the state.</returns>
    (Tensor Mixed, AttentionState State) Forward(HeadParts heads, DocumentPlaces documents, TensorStack place, TensorStack mixedPlace, bool keepsProbabilities);

    /// <summary>Writes the gradients of q, k and v.</summary>
    /// <param name="dMixed">[tokens, heads, headSize].</param>
    /// <param name="heads">Of the forward pass; not read where the state has what is needed.</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="documents">Where each document lies.</param>
    /// <param name="gradients">Written.</param>
    void Backward(Tensor dMixed, HeadParts heads, AttentionState state, DocumentPlaces documents, HeadParts gradients);

    /// <summary>The bytes that documents of these lengths take.</summary>
    AttentionBytes Bytes(IReadOnlyList<int> lengths);
}

/// <summary>The shape of one block's attention.</summary>
/// <param name="Heads">Heads of q.</param>
/// <param name="KeyValueHeads">Heads of k and v; divides those of q.</param>
/// <param name="HeadSize">Values of a head.</param>
/// <param name="Window">How many keys a query sees, itself included; null for all before it.</param>
/// <param name="Factor">What scores are multiplied by.</param>
internal sealed record AttentionHeads(int Heads, int KeyValueHeads, int HeadSize, int? Window, double Factor)
{
    /// <summary>What scores are kept below by cap · tanh(score / cap); null for no cap.</summary>
    public double? Cap { get; init; }

    /// <summary>Values of q of a token.</summary>
    public long Queries => (long)Heads * HeadSize;

    /// <summary>Values of k of a token.</summary>
    public long Keys => (long)KeyValueHeads * HeadSize;
}

/// <summary>q [tokens, heads, headSize], k and v [tokens, kvHeads, headSize], or their gradients; slices of one tensor, most often.</summary>
internal readonly record struct HeadParts(Tensor Query, Tensor Key, Tensor Value)
{
    /// <summary>k and v as one, [tokens, 2 kvHeads, headSize]; null where they do not lie side by side.</summary>
    public Tensor? KeyValue { get; init; }
}

/// <summary>The documents of a batch, end to end.</summary>
/// <param name="Places">First token and length of each.</param>
/// <param name="Ends">The first token of each and, last, the number of all, [documents + 1], int32, on the device.</param>
internal sealed record DocumentPlaces(IReadOnlyList<(int Start, int Length)> Places, Tensor Ends)
{
    /// <summary>Tokens of the longest.</summary>
    public int Longest { get; } = Places.Max(place => place.Length);
}

/// <summary>Bytes of attention.</summary>
/// <param name="Kept">On the stack between the passes: copies of q, k and v, where there are any.</param>
/// <param name="Probabilities">On the stack between the passes, where they are kept.</param>
/// <param name="Tile">The most probabilities that a pass has on the stack at once where they are not kept.</param>
/// <param name="Backward">What the backward pass has on the stack beside them.</param>
/// <param name="Made">Kept between the passes in memory that operators made.</param>
/// <param name="Passing">The most that operators make in passing.</param>
internal readonly record struct AttentionBytes(long Kept, long Probabilities, long Tile, long Backward, long Made, long Passing);
