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

    /// <summary>Bytes at the highest point of the step: what is kept, whose memory is there all the time, and the most that a pass makes.</summary>
    public long Peak(StepShape shape, Recomputation recomputation) =>
        Stack(shape, recomputation) + new[] { Prefix(shape), Blockwise(shape, recomputation), Head(shape) }.Max();

    /// <summary>Bytes of what is kept between the passes.</summary>
    public long Stack(StepShape shape, Recomputation recomputation)
    {
        long below = 0;
        long highest = 0;
        for (int index = 0; index < layers.Count; index++)
        {
            Kept kept = recomputation.Of(index);
            long again = kept == Models.Kept.Input ? layers[index].Kept(Models.Kept.All, shape) : 0;
            highest = Math.Max(highest, below + again);
            below += layers[index].Kept(kept, shape);
        }

        return Math.Max(highest, below + Output(shape));
    }

    /// <summary>Bytes of the head at its highest point: a chunk of logits, and the supervised rows.</summary>
    public long Head(StepShape shape)
    {
        long chunk = Math.Min(FusedHead.ChunkPlaces, shape.Supervised);
        long places = shape.Supervised * (long)config.HiddenSize * 2;
        long gradient = shape.Tokens * config.HiddenSize;
        return elementSize * (gradient + places + Math.Max(gradient, chunk * ((long)config.VocabularySize + config.HiddenSize)));
    }

    private long Prefix(StepShape shape) => prefix is null ? 0 : (2 * prefix.Input(shape)) + prefix.Forward(Models.Kept.Nothing, shape);

    /// <summary>Bytes of the last block's output.</summary>
    private long Output(StepShape shape) => shape.Tokens * (long)config.HiddenSize * elementSize;

    /// <summary>The most that a block makes going forward, forward again or back.</summary>
    private long Blockwise(StepShape shape, Recomputation recomputation)
    {
        long most = 0;
        for (int index = 0; index < layers.Count; index++)
        {
            LayerMemory layer = layers[index];
            Kept kept = recomputation.Of(index);
            bool isAgain = kept == Models.Kept.Input;
            long again = isAgain ? Output(shape) + layer.Forward(Models.Kept.All, shape) : 0; // beside the gradient
            long backward = layer.Backward(isAgain ? Models.Kept.All : kept, shape);
            most = new[] { most, layer.Forward(kept, shape), again, backward }.Max();
        }

        return most;
    }
}
