using Lora.Adapters;
using Lora.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>A run after one of its steps, whole enough to go on bit for bit.</summary>
/// <param name="Step">Steps done, skipped ones included.</param>
/// <param name="Updates">Steps of them that changed the values.</param>
/// <param name="Loop">What the loop has counted.</param>
/// <param name="Scale">The scaling of the loss; null for none.</param>
/// <param name="Values">The trained values, [count].</param>
/// <param name="Mean">AdamW's first moment, [count].</param>
/// <param name="Variance">AdamW's second moment, [count].</param>
/// <param name="Generator">The state of the generator that dropout draws from.</param>
/// <param name="Evaluations">What the evaluations have come to.</param>
/// <param name="Identity">What the run is (<see cref="RunIdentity"/>).</param>
internal sealed record TrainingState(
    int Step,
    int Updates,
    LoopCounts Loop,
    LossScale? Scale,
    TensorData Values,
    TensorData Mean,
    TensorData Variance,
    TensorData Generator,
    EvaluationState Evaluations,
    IReadOnlyDictionary<string, string> Identity)
{
    /// <summary>Sets a run to the state.</summary>
    /// <param name="adapter">Takes the values and the generator's state.</param>
    /// <param name="optimizer">Takes the moments.</param>
    /// <param name="scaling">Takes the scaling of the loss; null for none.</param>
    /// <param name="steps">The steps of the whole run.</param>
    /// <param name="folder">Where the state was read, for messages; null for memory.</param>
    /// <exception cref="LoraException">ResumeRefused: the state is damaged, or belongs to another number of values or steps.</exception>
    public void Restore(AttachedAdapter adapter, AdamW optimizer, LossScaling? scaling, int steps, string? folder)
    {
        LoraException.ThrowIfAny([.. Faults(adapter.Arena.Count, steps).Select(fault => new LoraProblem(LoraError.ResumeRefused, folder, folder ?? "memory", fault))]);

        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        adapter.Arena.Values.copy_(AdapterTensors.Read(Values));

        // Updates, not steps: skipped steps moved neither moments nor their corrections.
        optimizer.Restore(AdapterTensors.Read(Mean), AdapterTensors.Read(Variance), Updates);
        adapter.RestoreRandomness(Generator);

        // Both are there or neither: a run goes on in the dtype that it was begun in.
        if (Scale is LossScale scale)
        {
            scaling?.Restore(scale);
        }
    }

    /// <summary>Everything that torch would answer with the end of the process, or that would train something else in silence.</summary>
    private IEnumerable<string> Faults(long count, int steps)
    {
        foreach (TensorData tensor in new[] { Values, Mean, Variance, Evaluations.BestValues }.OfType<TensorData>())
        {
            if (tensor.DataType != TensorDataType.F32 || tensor.Shape is not [long length] || length != count)
            {
                yield return $"its {tensor.Name} are {tensor.DataType.ToName()} [{string.Join(", ", tensor.Shape)}]; the adapter has {count} values of F32";
            }
        }

        if (Generator.DataType != TensorDataType.U8 || !GeneratorState.IsValid(Generator.Bytes.Span))
        {
            yield return "its Generator is not the state of a generator";
        }

        if (Loop.NotFinite < 0 || Loop.Unmoved < 0)
        {
            yield return "its counts are not those of a run";
        }

        if (Step < 0 || Updates < 0 || Updates > Step || Step > steps)
        {
            yield return $"it is of step {Step} with {Updates} updates; the run has {steps} steps";
        }

        if (!Evaluations.IsWhole)
        {
            yield return "its evaluations are not those of a run";
        }

        if (Scale is LossScale scale && !(scale.Factor > 0 && float.IsFinite(scale.Factor) && scale.GoodSteps >= 0))
        {
            yield return $"its scale of the loss is {scale.Factor}";
        }
    }
}
