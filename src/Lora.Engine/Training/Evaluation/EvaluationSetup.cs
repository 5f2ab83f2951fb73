using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>Sets an engine up for evaluations alone, in the memory that there is.</summary>
internal static class EvaluationSetup
{
    /// <summary>Plans the memory, and chooses how much of the loss is taken at once and attention's slices.</summary>
    /// <param name="engine">The engine to set up.</param>
    /// <param name="loaded">The model and the rows.</param>
    /// <param name="batchSize">Rows in one forward pass.</param>
    /// <param name="cancellation">Checked for each batch that is looked at.</param>
    /// <returns>The plan; null for autograd, whose memory cannot be told before.</returns>
    public static LoraMemoryPlan? Plan(IStepEngine engine, LoadedModel loaded, int batchSize, CancellationToken cancellation)
    {
        if (engine is not FusedStep step)
        {
            GiveRoom(engine, loaded.Model.Device);
            return null;
        }

        MemoryPlanner planner = new(step, loaded.Model, adapter: null, new(), shapes: [])
        {
            Evaluated = EvaluationShapes.Of(loaded.Dataset, batchSize, step.SharesBeginnings, cancellation),
        };
        LoraMemoryPlan plan = planner.Plan(cache: 0);

        // First the slices of attention and the chunk of the loss, then the room: how much is reserved hangs on them.
        step.AttentionSlices = plan.AttentionSlice;
        step.LossChunk = plan.LossChunk;
        planner.Reserve(step);
        return plan;
    }

    /// <summary>
    /// Lets the logits of autograd's evaluations take half of what a device has free at once, and leaves half to the pass before them, which nobody can plan; on a
    /// processor, and where a device does not say what is free, they come in the chunks of a processor.
    /// </summary>
    /// <param name="engine">The engine; nothing happens to another one.</param>
    /// <param name="device">Where it computes.</param>
    public static void GiveRoom(IStepEngine engine, Device device)
    {
        if (engine is ReferenceStep autograd && device.type != DeviceType.CPU)
        {
            autograd.LossRoom = Room(AvailableMemory.Of(device));
        }
    }

    /// <summary>Bytes for logits; null where nothing says.</summary>
    /// <param name="available">What a device has given and may give; null where it does not say.</param>
    internal static long? Room((long Taken, long Limit)? available) => available is (long taken, long limit) ? Math.Max(0, limit - taken) / 2 : null;
}
