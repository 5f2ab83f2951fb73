namespace Lora.Models;

/// <summary>The most memory that a step's tensors take, from its shape alone.</summary>
/// <param name="layers">The blocks that learn, from the lowest.</param>
/// <param name="prefix">A block below them, or null.</param>
/// <param name="config">The model's shape.</param>
/// <param name="elementSize">Of activations.</param>
internal sealed class StepMemory(IReadOnlyList<LayerMemory> layers, LayerMemory? prefix, DecoderConfig config, int elementSize)
{
    /// <summary>Blocks that learn.</summary>
    public int Blocks => layers.Count;

    /// <summary>Bytes at the highest point of the step.</summary>
    public long Peak(StepShape shape, Recomputation recomputation) =>
        new[] { Prefix(shape), Blockwise(shape, recomputation), Kept(shape, recomputation) + Head(shape) }.Max();

    /// <summary>Bytes of the head at its highest point: a chunk of logits, and the supervised rows.</summary>
    public long Head(StepShape shape)
    {
        long chunk = Math.Min(FusedHead.ChunkPlaces, shape.Supervised);
        long places = shape.Supervised * (long)config.HiddenSize * 2;
        long gradient = shape.Tokens * config.HiddenSize;
        return elementSize * (gradient + places + Math.Max(gradient, chunk * ((long)config.VocabularySize + config.HiddenSize)));
    }

    private long Prefix(StepShape shape) => prefix is null ? 0 : prefix.Kept(Models.Kept.Input, shape) + prefix.Forward(Models.Kept.Nothing, shape);

    private long Kept(StepShape shape, Recomputation recomputation) => layers.Select((layer, index) => layer.Kept(recomputation.Of(index), shape)).Sum();

    /// <summary>The highest point while a block goes forward or back.</summary>
    private long Blockwise(StepShape shape, Recomputation recomputation)
    {
        long below = 0;
        long peak = 0;
        for (int index = 0; index < layers.Count; index++)
        {
            LayerMemory layer = layers[index];
            Kept kept = recomputation.Of(index);
            Kept found = kept == Models.Kept.Input ? Models.Kept.All : kept;
            long input = layer.Kept(Models.Kept.Input, shape);
            long forward = below + input + layer.Forward(kept, shape);
            long again = kept == Models.Kept.Input ? below + (2 * input) + layer.Forward(Models.Kept.All, shape) : 0; // beside the gradient
            long backward = below + layer.Kept(found, shape) + layer.Backward(found, shape);
            peak = new[] { peak, forward, again, backward }.Max();
            below += layer.Kept(kept, shape);
        }

        return peak;
    }
}
