using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Hidden states of texts that begin alike, by the blocks of the fused step: the keys and values of what they share are computed once, and those of each text
/// written behind them.
/// </summary>
internal sealed class FusedFollowing
{
    private readonly FusedDecoder decoder;
    private readonly IReadOnlyList<FusedLayer> layers;
    private readonly TensorStack states;
    private readonly TensorStack scratch;
    private readonly (Tensor Key, Tensor Value)[] seen; // of each block, [before + longest, kvHeads, headSize]
    private readonly long before;

    /// <param name="decoder">The frozen weights.</param>
    /// <param name="layers">The blocks.</param>
    /// <param name="states">For keys and values, which stay there, and hidden states.</param>
    /// <param name="scratch">For what a pass makes.</param>
    /// <param name="beginning">The context of the tokens that all texts begin with.</param>
    /// <param name="longest">Tokens of the longest text behind them.</param>
    public FusedFollowing(FusedDecoder decoder, IReadOnlyList<FusedLayer> layers, TensorStack states, TensorStack scratch, StepContext beginning, int longest)
    {
        this.decoder = decoder;
        this.layers = layers;
        this.states = states;
        this.scratch = scratch;
        before = beginning.Ids.shape[0];
        seen = [.. decoder.Layers.Select(block => (Room(block.Block.Heads), Room(block.Block.Heads)))];
        using TensorStack.Pass pass = states.Begin();
        Through(beginning, (block, heads) =>
        {
            Write(block, heads, first: 0);
            return null;
        });

        Tensor Room(AttentionHeads heads) => states.Take(decoder.Embedding.dtype, before + longest, heads.KeyValueHeads, heads.HeadSize);
    }

    /// <summary>In how many slices attention takes its heads.</summary>
    public int Slices { get; init; } = 1;

    /// <summary>The last block's output for what follows in one text, [tokens, hidden], on top of the states.</summary>
    /// <param name="step">Its context, behind the beginning.</param>
    public Tensor Read(StepContext step)
    {
        using PastAttention past = new((int)before, scratch) { Slices = Slices }; // its masks are for one number of keys
        return Through(step, (block, heads) =>
        {
            using DisposeScope scope = NewDisposeScope();
            return past.Mix(heads.Query, Write(block, heads, before), decoder.Layers[block].Block.Heads, layers[block].MixesPastByFormula).MoveToOuterDisposeScope();
        });
    }

    /// <summary>Writes keys and values from a place on; all of the block's up to their end.</summary>
    private (Tensor Key, Tensor Value) Write(int block, HeadParts heads, long first)
    {
        long tokens = heads.Key.shape[0];
        (Tensor key, Tensor value) = seen[block];
        key.narrow(0, first, tokens).copy_(heads.Key);
        value.narrow(0, first, tokens).copy_(heads.Value);
        return (key.narrow(0, 0, first + tokens), value.narrow(0, 0, first + tokens));
    }

    private Tensor Through(StepContext step, Func<int, HeadParts, Tensor?> onBlock)
    {
        Tensor x = states.Take(decoder.Embedding.dtype, step.Ids.shape[0], decoder.Shape.HiddenSize); // [tokens, hidden]
        decoder.Embed(step, x);
        for (int block = 0; block < layers.Count; block++)
        {
            int number = block;
            layers[block].Forward(x, step with { OnHeads = heads => onBlock(number, heads) });
        }

        return x;
    }
}
