using Lora.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The embedding and the blocks below the lowest one that learns: their results hang on the document alone, so they can be kept.</summary>
/// <param name="decoder">The frozen weights.</param>
/// <param name="layers">The blocks, from the first.</param>
/// <param name="caches">What earlier batches left, at the block after the last of these or at blocks below it, the highest first; none to compute everything anew.</param>
internal sealed class FusedPrefix(FusedDecoder decoder, IReadOnlyList<FusedLayer> layers, IReadOnlyList<PrefixCache> caches)
{
    /// <summary>The hidden states that enter the lowest block that learns, [tokens, hidden]; the caller owns them.</summary>
    public Tensor Of(PackedDocuments documents)
    {
        if (caches.Count == 0)
        {
            return Compute(documents);
        }

        Tensor x = empty([documents.Ids.Length, decoder.Shape.HiddenSize], dtype: decoder.Embedding.dtype, device: decoder.Embedding.device); // [tokens, hidden]
        foreach ((TrainingExample example, (int start, int length)) in documents.Examples.Zip(documents.Places))
        {
            using Tensor part = x.narrow(0, start, length); // [length, hidden]
            Fill(example, part);
        }

        return x;
    }

    /// <summary>Takes a document's hidden states from the highest block at which they are kept, and computes the rest of the way.</summary>
    private void Fill(TrainingExample example, Tensor x)
    {
        PrefixCache? found = caches.FirstOrDefault(cache => cache.TryRead(example, x));
        if (found?.Block == layers.Count)
        {
            return;
        }

        // Alone, so that its values do not hang on the batch that it first came in, nor on where there was room to keep them.
        using DisposeScope scope = NewDisposeScope();
        PackedDocuments alone = new([example]);
        StepContext step = decoder.Context(alone);
        Tensor hidden = found is null ? decoder.Embed(alone.Ids) : x.clone(); // [length, hidden]

        // In place: without adapters below, there is nothing to keep for a backward pass.
        for (int block = found?.Block ?? 0; block < layers.Count; block++)
        {
            layers[block].Forward(hidden, step);
            caches.FirstOrDefault(cache => cache.Block == block + 1)?.Add(example, hidden);
        }

        x.copy_(hidden);
    }

    private Tensor Compute(PackedDocuments documents)
    {
        using DisposeScope scope = NewDisposeScope();
        StepContext step = decoder.Context(documents);
        Tensor x = decoder.Embed(documents.Ids); // [tokens, hidden]
        foreach (FusedLayer layer in layers)
        {
            layer.Forward(x, step);
        }

        return x.MoveToOuterDisposeScope();
    }
}
