namespace Lora.Training;

/// <summary>What the points of a sweep share on one loaded model, beside its weights and the rows.</summary>
/// <param name="block">The lowest block that learns in any of them; 0 for nothing below it.</param>
internal sealed class SweepSharing(int block)
{
    private const double Nearly = 1.1;

    private readonly Dictionary<int, IReadOnlyList<LoraEvaluation>> before = [];
    private long largest;

    /// <summary>The lowest block that learns in any of them.</summary>
    public int Block => block;

    /// <summary>Whether a point has run, and what it took was given back.</summary>
    public bool HasRun => largest > 0;

    /// <summary>The evaluations before the first step of an earlier run whose adapter began as no change at all too; null before there was one.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="batchSize">Rows in one forward pass: sums round otherwise in other batches.</param>
    public IReadOnlyList<LoraEvaluation>? Before(TrainingPlan plan, int batchSize) => plan.BeginsAsBase ? before.GetValueOrDefault(batchSize) : null;

    /// <summary>Notes a run's evaluations before its first step.</summary>
    public void Note(TrainingPlan plan, int batchSize, IReadOnlyList<LoraEvaluation> evaluations)
    {
        if (plan.BeginsAsBase)
        {
            before.TryAdd(batchSize, evaluations);
        }
    }

    /// <summary>Whether a step takes more memory than that of any earlier point, and more than nearly as much: then it is rehearsed.</summary>
    public bool IsLarger(LoraMemoryPlan memory)
    {
        // Ranks differ by hundredths of what a step takes, and a rehearsal costs a step.
        long step = memory.Activation + memory.Head + memory.Adapter + memory.Optimizer;
        bool isLarger = step > largest * Nearly;
        largest = isLarger ? step : largest;
        return isLarger;
    }
}
