using Lora.Data;
using Lora.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Hidden states of texts that begin alike, by the blocks of the fused step: the keys and values of what they share are computed once.</summary>
internal sealed class FusedFollowing : IDisposable
{
    private readonly FusedDecoder decoder;
    private readonly IReadOnlyList<FusedLayer> layers;
    private readonly List<(Tensor Key, Tensor Value)> kept = [];
    private readonly int before;

    /// <param name="decoder">The frozen weights.</param>
    /// <param name="layers">The blocks, with room in their scratch.</param>
    /// <param name="beginning">The tokens that all texts begin with.</param>
    public FusedFollowing(FusedDecoder decoder, IReadOnlyList<FusedLayer> layers, int[] beginning)
    {
        this.decoder = decoder;
        this.layers = layers;
        before = beginning.Length;
        using DisposeScope scope = NewDisposeScope();
        Through(decoder.Context(new([new TrainingExample(beginning, beginning, 1)])), (block, heads) =>
        {
            kept.Add((Copy(heads.Key), Copy(heads.Value)));
            return null;
        });

        static Tensor Copy(Tensor heads) => heads.clone().DetachFromDisposeScope(); // the pass's own memory goes
    }

    /// <summary>The last block's output for what follows in one text, [tokens, hidden], in the caller's scope.</summary>
    /// <param name="step">Its context, behind the beginning.</param>
    public Tensor Read(StepContext step)
    {
        using PastAttention past = new(before); // its masks are for one number of keys
        return Through(step, (block, heads) =>
        {
            using DisposeScope scope = NewDisposeScope();
            (Tensor Key, Tensor Value) seen = (cat([kept[block].Key, heads.Key]), cat([kept[block].Value, heads.Value])); // [before + tokens, kvHeads, headSize]
            return past.Mix(heads.Query, seen, decoder.Layers[block].Block.Heads).MoveToOuterDisposeScope();
        });
    }

    /// <inheritdoc/>
    public void Dispose() => kept.ForEach(layer =>
    {
        layer.Key.Dispose();
        layer.Value.Dispose();
    });

    private Tensor Through(StepContext step, Func<int, HeadParts, Tensor?> onBlock)
    {
        Tensor x = empty([step.Ids.shape[0], decoder.Shape.HiddenSize], dtype: decoder.Embedding.dtype, device: decoder.Embedding.device); // [tokens, hidden]
        decoder.Embed(step.Ids, x);
        for (int block = 0; block < layers.Count; block++)
        {
            int number = block;
            layers[block].Forward(x, step with { OnHeads = heads => onBlock(number, heads) });
        }

        return x;
    }
}
