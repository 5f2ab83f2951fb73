using Lora.Data;
using Lora.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The embedding and the blocks below the lowest one that learns: their results hang on the document alone, so they can be kept.</summary>
/// <param name="decoder">The frozen weights.</param>
/// <param name="layers">The blocks, from the first.</param>
/// <param name="caches">What earlier batches left, at the block after the last of these or at blocks below it, the highest first; none to compute everything anew.</param>
internal sealed class FusedPrefix(FusedDecoder decoder, IReadOnlyList<FusedLayer> layers, IReadOnlyList<PrefixCache> caches)
{
    /// <summary>Writes the hidden states that enter the lowest block that learns.</summary>
    /// <param name="documents">The documents.</param>
    /// <param name="step">What the blocks share for them.</param>
    /// <param name="x">[tokens, hidden]; written.</param>
    public void Write(PackedDocuments documents, StepContext step, Tensor x)
    {
        if (caches.Count == 0)
        {
            Compute(step, x, first: 0, _ => { });
            return;
        }

        foreach ((TrainingExample example, (int start, int length)) in documents.Examples.Zip(documents.Places))
        {
            using Tensor part = x.narrow(0, start, length); // [length, hidden]
            Fill(example, part);
        }
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
        Compute(
            decoder.Context(new([example]), laid: layers.Select(layer => layer.Laid).OfType<AttentionHeads>()), x, found?.Block ?? 0, block => caches.FirstOrDefault(cache => cache.Block == block)?.Add(example, x));
    }

    /// <summary>Goes through the blocks from one on, whose input is there but for the first one's, in place: without adapters there is nothing to keep.</summary>
    private void Compute(StepContext step, Tensor x, int first, Action<int> onBlock)
    {
        if (first == 0)
        {
            decoder.Embed(step, x);
        }

        for (int block = first; block < layers.Count; block++)
        {
            layers[block].Forward(x, step);
            onBlock(block + 1);
        }
    }
}
