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
    private readonly int lowest;

    /// <param name="decoder">The frozen weights.</param>
    /// <param name="adapter">The factors of adapted modules, by their names: linear layers of blocks, and the head.</param>
    /// <param name="kernels">Null for the fastest that serve the weights' device and dtype.</param>
    public FusedStep(FusedDecoder decoder, IReadOnlyDictionary<string, LowRankFactors> adapter, IKernels? kernels = null)
    {
        this.decoder = decoder;
        kernels ??= KernelSet.Of(decoder.Embedding.device, decoder.Embedding.dtype);
        layers = [.. decoder.Layers.Select((weights, index) => new FusedLayer(weights, decoder.Config, index, adapter, kernels))];
        head = new(decoder, adapter.GetValueOrDefault("lm_head"), kernels);
        int found = Array.FindIndex(layers, layer => layer.IsAdapted);
        lowest = found < 0 ? layers.Length : found;
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
        Array.ForEach(layers, layer => layer.Refresh());
        head.Refresh();
        PackedBatch packed = new(batch, rows);
        (Tensor cosine, Tensor sine) = decoder.Rotation(packed.Positions);
        StepContext step = new(packed.Documents, cosine, sine);
        Stack<LayerState> states = new();
        try
        {
            Tensor x = decoder.Embedding.index_select(0, tensor(packed.Ids, device: decoder.Embedding.device)); // [tokens, hidden]
            for (int layer = 0; layer < layers.Length; layer++)
            {
                x = Forward(x, step, layer, states);
            }

            (double loss, Tensor? gradient) = head.Run(x, packed, scale, needsInput: lowest < layers.Length);
            x.Dispose();
            for (int layer = layers.Length - 1; layer >= lowest; layer--)
            {
                using LayerState state = states.Pop();
                layers[layer].Backward(gradient!, state, step, needsInput: layer > lowest);
            }

            return loss * scale;
        }
        finally
        {
            // Empty unless something failed.
            states.ToList().ForEach(state => state.Dispose());
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Array.ForEach(layers, layer => layer.Dispose());
        head.Dispose();
    }

    private Tensor Forward(Tensor x, StepContext step, int layer, Stack<LayerState> states)
    {
        (Tensor y, LayerState? state) = layers[layer].Forward(x, step, keep: layer >= lowest);
        if (state is null)
        {
            x.Dispose();
        }
        else
        {
            states.Push(state);
        }

        return y;
    }
}
