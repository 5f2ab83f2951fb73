using Lora.Adapters;
using Lora.Models;

namespace Lora.Training;

/// <summary>Sets a fused step up for the memory that there is.</summary>
internal static class StepSetup
{
    /// <summary>Plans the memory, and chooses what is computed again, how much of the loss is taken at once and where hidden states are kept.</summary>
    /// <param name="step">The step to set up.</param>
    /// <param name="loaded">The model and its dataset.</param>
    /// <param name="adapter">The adapter that is on the model.</param>
    /// <param name="steps">The run's batches.</param>
    /// <param name="options">The limit and the user's choices.</param>
    /// <param name="warn">Told when hidden states cannot be kept.</param>
    /// <param name="cancellation">Checked for each batch that is looked at.</param>
    /// <exception cref="LoraException">MemoryInsufficient.</exception>
    public static LoraMemoryPlan Plan(
        FusedStep step, LoadedModel loaded, AttachedAdapter adapter, TrainingSteps steps, TrainingOptions options, Action<string> warn, CancellationToken cancellation)
    {
        // What an earlier point of a sweep took went when it ended: to collect and to give back once more takes as long as half a small step.
        MemoryPlanner planner = new(step, loaded.Model, adapter, options, steps.Shapes(cancellation), isFree: loaded.Shared?.HasRun == true)
        {
            Evaluated = loaded.Validation.SelectMany(set => EvaluationShapes.Of(set.Dataset, options.BatchSize, step.SharesBeginnings, cancellation)),
        };
        long bytes = (loaded.Dataset.TokenCount + loaded.Validation.Sum(set => set.Dataset.TokenCount)) * step.HiddenSize;
        (int Block, LoraPrefixCache Place)[] kept = PrefixCaching.Choose(
            options.PrefixCache, step.Lowest, steps.IsRepeating, loaded.Shared?.Block, bytes, several => planner.Fits(several * bytes));

        // An earlier configuration may have filled the cache at a block; then its bytes are taken already.
        int rooms = kept.Count(cache => cache.Place == LoraPrefixCache.Memory && !loaded.HasPrefix(cache.Block));
        LoraMemoryPlan plan = planner.Plan(rooms * bytes);

        // First what is computed again, the slices of attention and the chunk of the loss, then the room: how much is reserved hangs on it.
        step.Recomputation = new(plan.RecomputedBlock, plan.RecomputedActivation, plan.RecomputedAttention);
        step.AttentionSlices = plan.AttentionSlice;
        step.LossChunk = plan.LossChunk;
        planner.Reserve(step);
        step.Caches = loaded.PrefixesAt(kept, warn);
        return plan;
    }
}
