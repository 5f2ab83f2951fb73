using Lora.Adapters;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>
/// The evaluations of one run: before its first step, every so many steps and at its end. They say which adapter was best, and when there has been no
/// better one for too long.
/// </summary>
/// <param name="evaluator">Takes them.</param>
/// <param name="options">How often, and what hangs on them.</param>
/// <param name="adapter">What is trained.</param>
/// <param name="sets">The names of the validation sets.</param>
/// <param name="total">Steps of the whole run.</param>
/// <param name="state">Those of a run that is gone on with; null for a new one.</param>
internal sealed class RunEvaluations(
    RunEvaluator evaluator, TrainingOptions options, AttachedAdapter adapter, IReadOnlyList<string> sets, int total, EvaluationState? state)
{
    // The set that says what is best: the one that was named, else the first.
    private readonly int judge = Math.Max(0, sets.ToList().FindIndex(name => name.Equals(options.BestBy, StringComparison.OrdinalIgnoreCase)));
    private readonly List<LoraEvaluation> taken = [.. state?.Before ?? []];

    /// <summary>What they have come to.</summary>
    public EvaluationState State { get; private set; } = state ?? new();

    /// <summary>Those before the first step, and all that this process took.</summary>
    public IReadOnlyList<LoraEvaluation> Taken => taken;

    /// <summary>Whether the last evaluations found no better adapter, as often as the run has patience for.</summary>
    public bool IsPatienceOver => State.Stale >= options.Patience;

    /// <summary>The loss that says what is best, as it was last; null before that.</summary>
    public double? LastLoss => State.Last is { Count: > 0 } last ? last[judge].Loss : null;

    /// <summary>Whether the adapter of a step is still to be evaluated.</summary>
    public bool IsDue(int step) =>
        options.EvaluationStep is int every && step > State.LastStep && (step % every == 0 || step == total);

    /// <summary>Takes those before the first step. A run that goes on has them in its state: the adapter is no longer what it was then.</summary>
    /// <param name="known">Those of another run that began as this one does; null for none.</param>
    /// <exception cref="OperationCanceledException">The run was stopped.</exception>
    public void Begin(IReadOnlyList<LoraEvaluation>? known = null)
    {
        if (state is null)
        {
            // Of points of a sweep that begin as the base does the figures are the same, and are taken once.
            IReadOnlyList<LoraEvaluation> before = known ?? Take("before the first step", step: 0);
            taken.AddRange(known ?? []);
            State = State with { Before = before, Last = before };
        }
    }

    /// <summary>Takes those of a step.</summary>
    /// <exception cref="OperationCanceledException">The run was stopped.</exception>
    /// <exception cref="LoraException">OutOfMemory.</exception>
    public IReadOnlyList<LoraEvaluation> OnStep(int step)
    {
        bool wasTraining = adapter.IsTraining;
        adapter.IsTraining = false; // nothing is dropped, and nothing drawn
        try
        {
            IReadOnlyList<LoraEvaluation> found = Take(FormattableString.Invariant($"after step {step}"), step);
            Judge(found);
            return found;
        }
        finally
        {
            adapter.IsTraining = wasTraining;
        }
    }

    /// <summary>Takes those of the adapter that a run without others ended with.</summary>
    /// <exception cref="OperationCanceledException">The run was stopped.</exception>
    public IReadOnlyList<LoraEvaluation> End(int step) => Take("after the last step", step);

    /// <summary>Takes that of a point of a sweep which pauses: of the set that points are compared by, and no other.</summary>
    /// <exception cref="OperationCanceledException">The run was stopped.</exception>
    public IReadOnlyList<LoraEvaluation> Pause(int step) => Take("at the pause", step, only: judge);

    /// <summary>Gives the adapter the values that it had when it was best, where they are kept.</summary>
    /// <returns>The step that they are of; null when the values stay.</returns>
    public int? TakeBest()
    {
        if (State.BestValues is null)
        {
            return null;
        }

        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        adapter.Arena.Values.copy_(AdapterTensors.Read(State.BestValues));
        return State.BestStep;
    }

    private IReadOnlyList<LoraEvaluation> Take(string when, int step, int? only = null)
    {
        IReadOnlyList<LoraEvaluation> found = TorchMemoryFailure.Named(() => evaluator.Evaluate(when, step, only));
        taken.AddRange(found);
        return found;
    }

    private void Judge(IReadOnlyList<LoraEvaluation> found)
    {
        // A loss that is no number is never the best.
        bool isBest = !double.IsNaN(found[judge].Loss) && (State.Best.Count == 0 || found[judge].Loss < State.Best[judge].Loss);
        State = !isBest ? State with { Last = found, Stale = State.Stale + 1 } : State with
        {
            Last = found,
            Best = found,
            Stale = 0,
            BestValues = options.KeepBest ? AdapterTensors.Copy(nameof(EvaluationState.BestValues), adapter.Arena.Values) : null,
        };
    }
}
