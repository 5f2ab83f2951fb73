using Lora.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The embedding and the blocks below the lowest one that learns: their results hang on the document alone, so they can be kept.</summary>
/// <param name="decoder">The frozen weights.</param>
/// <param name="layers">The blocks, from the first.</param>
/// <param name="cache">What earlier batches left; null to compute everything anew.</param>
internal sealed class FusedPrefix(FusedDecoder decoder, IReadOnlyList<FusedLayer> layers, PrefixCache? cache)
{
    /// <summary>The hidden states that enter the lowest block that learns, [tokens, hidden]; the caller owns them.</summary>
    public Tensor Of(PackedDocuments documents)
    {
        if (cache is null)
        {
            return Compute(documents);
        }

        Tensor x = empty([documents.Ids.Length, decoder.Shape.HiddenSize], dtype: decoder.Embedding.dtype, device: decoder.Embedding.device); // [tokens, hidden]
        foreach ((TrainingExample example, (int start, int length)) in documents.Examples.Zip(documents.Places))
        {
            using Tensor part = x.narrow(0, start, length); // [length, hidden]
            if (!cache.TryRead(example, part))
            {
                // Alone, so that its values do not hang on the batch that it first came in, nor on whether there was room to keep them.
                using Tensor computed = Compute(new([example]));
                part.copy_(computed);
                cache.Add(example, computed);
            }
        }

        return x;
    }

    private Tensor Compute(PackedDocuments documents)
    {
        using DisposeScope scope = NewDisposeScope();
        StepContext step = decoder.Context(documents);
        Tensor x = decoder.Embed(documents.Ids); // [tokens, hidden]

        // In place: without adapters below, there is nothing to keep for a backward pass.
        foreach (FusedLayer layer in layers)
        {
            layer.Forward(x, step);
        }

        return x.MoveToOuterDisposeScope();
    }
}
