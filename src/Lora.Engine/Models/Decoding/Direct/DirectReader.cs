using Lora.Data;
using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Reads prompts by the blocks of the fused step, at the rate of its products, and hands out their heads.</summary>
internal sealed class DirectReader : IDisposable
{
    private readonly FusedDecoder decoder;
    private readonly Func<Tensor, Tensor>? embed;
    private readonly FusedLayer[] layers;
    private readonly TensorStack scratch;
    private readonly int slices; // a head of keys at a time: where scores are capped, all pairs of a prompt's tokens are in memory

    /// <param name="decoder">The frozen weights.</param>
    /// <param name="changes">What adapters change.</param>
    public DirectReader(FusedDecoder decoder, DirectChanges changes)
    {
        this.decoder = decoder;
        embed = changes.Embed;
        IKernels kernels = KernelSet.Of(decoder.Embedding.device, decoder.Embedding.dtype);
        scratch = new(decoder.Embedding.device);
        layers = [.. decoder.Layers.Select(weights => new FusedLayer(weights, changes.Factors, kernels, scratch))];
        slices = decoder.Layers[0].Block.Attention.KeyValueHeads;
        foreach (FusedLayer layer in layers)
        {
            layer.AttentionSlices = slices;
            layer.Refresh();
        }
    }

    /// <summary>The last block's output for the last token, [1, hidden], float32, in the caller's scope.</summary>
    /// <param name="ids">The text, or what stands behind its tokens that were read already.</param>
    /// <param name="before">How many those are.</param>
    /// <param name="onBlock">Takes the heads of a block, rotated; views that it does not own. See <see cref="StepContext.OnHeads"/>.</param>
    public Tensor Read(IReadOnlyList<int> ids, int before, Func<int, HeadParts, Tensor?> onBlock)
    {
        using DisposeScope scope = NewDisposeScope();
        PackedDocuments documents = new([new TrainingExample([.. ids], [.. ids], 1)]);
        StepContext step = decoder.Context(documents, before: before);
        scratch.Reserve(layers[0].Memory.ForwardScratch(Kept.Nothing, new([ids.Count], Supervised: 0) { AttentionSlices = slices }));
        try
        {
            Tensor x = empty([ids.Count, decoder.Shape.HiddenSize], dtype: decoder.Embedding.dtype, device: decoder.Embedding.device); // [tokens, hidden]
            decoder.Embed(step, x, embed);
            for (int block = 0; block < layers.Length; block++)
            {
                int number = block;
                layers[block].Forward(x, step with { OnHeads = heads => onBlock(number, heads), IsLastAlone = block == layers.Length - 1 });
            }

            return x.narrow(0, ids.Count - 1, 1).to(ScalarType.Float32).MoveToOuterDisposeScope();
        }
        finally
        {
            // After a failure too: the next text needs the stack empty.
            scratch.EndStep();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Array.ForEach(layers, layer => layer.Dispose());
        scratch.Dispose();
    }
}
