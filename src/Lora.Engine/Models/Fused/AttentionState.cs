using Lora.Kernels;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What the backward pass of attention needs of the forward pass.</summary>
/// <param name="Raw">q, k and v before their norms, [tokens, (heads + 2 kvHeads) headSize]; null for models without those norms.</param>
/// <param name="QueryScale">Of the norm of q, [tokens heads].</param>
/// <param name="KeyScale">Of the norm of k, [tokens kvHeads].</param>
/// <param name="Documents">What each document's attention keeps.</param>
internal sealed record AttentionState(Tensor? Raw, Tensor? QueryScale, Tensor? KeyScale, IReadOnlyList<DocumentState> Documents)
{
    /// <summary>All of it.</summary>
    public IEnumerable<Tensor> Tensors() => new[] { Raw, QueryScale, KeyScale }.OfType<Tensor>().Concat(Documents.SelectMany(document => document.Tensors()));
}

/// <summary>One document's keys and values, and its queries and probabilities tile by tile.</summary>
/// <param name="Key">[kvHeads, tokens, headSize].</param>
/// <param name="Value">[kvHeads, tokens, headSize].</param>
/// <param name="Tiles">q, [kvHeads, group queries, headSize], and softmax(q kᵀ), [kvHeads, group queries, keys], which is null when it is to be computed again.</param>
internal sealed record DocumentState(Tensor Key, Tensor Value, IReadOnlyList<(AttentionTile Tile, Tensor Query, Tensor? Probabilities)> Tiles)
{
    /// <summary>All of it.</summary>
    public IEnumerable<Tensor> Tensors() =>
        new[] { Key, Value }.Concat(Tiles.SelectMany(tile => new[] { tile.Query, tile.Probabilities }.OfType<Tensor>()));
}
