using Lora.Data;
using Lora.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The gradients of a batch by hand-written forward and backward passes. Below the lowest adapted block nothing is kept and no gradient taken.</summary>
internal sealed class FusedStep : IStepEngine
{
    private readonly FusedDecoder decoder;
    private readonly FusedLayer[] layers;
    private readonly FusedHead head;
    private readonly TensorStack states;
    private readonly TensorStack scratch;

    /// <param name="decoder">The frozen weights.</param>
    /// <param name="adapter">The factors of adapted modules, by their names: linear layers of blocks, and the head.</param>
    /// <param name="kernels">Null for the fastest that serve the weights' device and dtype.</param>
    public FusedStep(FusedDecoder decoder, IReadOnlyDictionary<string, LowRankFactors> adapter, IKernels? kernels = null)
    {
        this.decoder = decoder;
        kernels ??= KernelSet.Of(decoder.Embedding.device, decoder.Embedding.dtype);
        states = new(decoder.Embedding.device);
        scratch = new(decoder.Embedding.device);
        layers = [.. decoder.Layers.Select((weights, index) => new FusedLayer(weights, decoder.Config, index, adapter, kernels, scratch))];
        head = new(decoder, adapter.GetValueOrDefault("lm_head"), kernels, scratch);
        int found = Array.FindIndex(layers, layer => layer.IsAdapted);
        Lowest = found < 0 ? layers.Length : found;
        Memory = new(
            [.. layers.Skip(Lowest).Select(layer => layer.Memory)],
            Lowest > 0 ? layers[0].Memory : null,
            decoder.Config,
            (int)decoder.Embedding.element_size(),
            FrozenProduct.Workspace + kernels.Workspace);
    }

    /// <summary>The lowest block that learns; the number of blocks when only the head does.</summary>
    public int Lowest { get; }

    /// <summary>Bytes of one token's hidden state.</summary>
    public long HiddenSize => decoder.Config.HiddenSize * decoder.Embedding.element_size();

    /// <summary>What its tensors take.</summary>
    public StepMemory Memory { get; }

    /// <summary>Tensors for which there was no room where it was planned.</summary>
    public int Overflow => states.Overflow + scratch.Overflow;

    /// <summary>Which blocks compute again what they do not keep.</summary>
    public Recomputation Recomputation { get; set; }

    /// <summary>Hidden states at the lowest block that learns, from earlier batches; not owned. Null to compute them each time.</summary>
    public PrefixCache? Cache { get; set; }

    /// <summary>Makes room for a batch and for all that are smaller.</summary>
    public void Reserve(StepShape shape)
    {
        states.Reserve(Memory.Stack(shape, Recomputation));
        scratch.Reserve(Memory.Scratch(shape, Recomputation));
    }

    /// <inheritdoc/>
    public double AddGradients(Batch batch, SupervisedRows rows, double scale)
    {
        if (rows.Count == 0)
        {
            return 0;
        }

        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Refresh();
        PackedBatch packed = new(batch, rows);
        StepContext step = decoder.Context(packed.Documents);
        Reserve(Shape(packed, rows));
        Stack<(Tensor Input, TensorStack.Mark Top, LayerState? State)> kept = new();
        try
        {
            Tensor? gradient = Lowest < layers.Length ? states.Take(decoder.Embedding.dtype, packed.Documents.Ids.Length, decoder.Config.HiddenSize) : null;
            Tensor x = states.Take(decoder.Embedding.dtype, packed.Documents.Ids.Length, decoder.Config.HiddenSize);
            using (Tensor prefix = Prefix(packed, Cache))
            {
                x.copy_(prefix);
            }

            for (int layer = Lowest; layer < layers.Length; layer++)
            {
                TensorStack.Mark top = states.Top;
                (Tensor y, LayerState? state) = layers[layer].Forward(x, step, Recomputation.Of(layer - Lowest), states);
                kept.Push((x, top, state));
                x = y;
            }

            double loss = head.AddGradients(x, packed, scale, gradient);
            for (int layer = layers.Length - 1; layer >= Lowest; layer--)
            {
                (Tensor input, TensorStack.Mark top, LayerState? found) = kept.Pop();
                LayerState state = found ?? Recompute(layer, input, top, step);
                layers[layer].Backward(gradient!, input, state, step, needsInput: layer > Lowest);
            }

            return loss * scale;
        }
        finally
        {
            states.EndStep();
            scratch.EndStep();
        }
    }

    /// <inheritdoc/>
    public double SumLoss(Batch batch, SupervisedRows rows)
    {
        if (rows.Count == 0)
        {
            return 0;
        }

        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Refresh();
        PackedBatch packed = new(batch, rows);
        scratch.Reserve(Memory.ForwardScratch(Shape(packed, rows)));
        StepContext step = decoder.Context(packed.Documents);
        Tensor x = Prefix(packed, cache: null); // nothing says that these documents come again
        foreach (FusedLayer layer in layers.Skip(Lowest))
        {
            layer.Forward(x, step);
        }

        double loss = head.SumLoss(x, packed);
        scratch.EndStep();
        return loss;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Array.ForEach(layers, layer => layer.Dispose());
        head.Dispose();
        states.Dispose();
        scratch.Dispose();
    }

    /// <summary>What the block keeps, made again where the blocks above it, whose backward passes are done, had kept theirs.</summary>
    private LayerState Recompute(int layer, Tensor input, TensorStack.Mark top, StepContext step)
    {
        states.Release(top);
        return layers[layer].Recompute(input, step, states);
    }

    private static StepShape Shape(PackedBatch packed, SupervisedRows rows) =>
        new([.. packed.Documents.Places.Select(document => document.Length)], rows.Count);

    private Tensor Prefix(PackedBatch packed, PrefixCache? cache) => new FusedPrefix(decoder, layers[..Lowest], cache).Of(packed.Documents);

    private void Refresh()
    {
        Array.ForEach(layers, layer => layer.Refresh());
        head.Refresh();
    }
}

/// <summary>What all blocks of one step share.</summary>
/// <param name="Documents">First token and length of each.</param>
/// <param name="Cosine">[tokens, r/2] for r values of a head that are rotated.</param>
/// <param name="Sine">Like the cosine.</param>
internal sealed record StepContext(IReadOnlyList<(int Start, int Length)> Documents, Tensor Cosine, Tensor Sine);
