using Lora.Adapters;
using Lora.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>A run after one of its steps, whole enough to go on bit for bit.</summary>
/// <param name="Step">Steps done, skipped ones included.</param>
/// <param name="Updates">Steps of them that changed the values.</param>
/// <param name="Scale">The scaling of the loss; null for none.</param>
/// <param name="Values">The trained values, [count].</param>
/// <param name="Mean">AdamW's first moment, [count].</param>
/// <param name="Variance">AdamW's second moment, [count].</param>
/// <param name="Generator">The state of the generator that dropout draws from.</param>
/// <param name="Before">The evaluation before the first step.</param>
/// <param name="Identity">What the run is (<see cref="RunIdentity"/>).</param>
internal sealed record TrainingState(
    int Step,
    int Updates,
    LossScale? Scale,
    TensorData Values,
    TensorData Mean,
    TensorData Variance,
    TensorData Generator,
    LoraEvaluation? Before,
    IReadOnlyDictionary<string, string> Identity)
{
    /// <summary>Sets a run to the state.</summary>
    /// <exception cref="LoraException">ResumeRefused: the state belongs to another number of values.</exception>
    public void Restore(AttachedAdapter adapter, AdamW optimizer, LossScaling? scaling, string folder)
    {
        if (Values.Shape[0] != adapter.Arena.Count)
        {
            throw LoraException.Of(LoraError.ResumeRefused, folder, folder, $"it has {Values.Shape[0]} values and the adapter {adapter.Arena.Count}");
        }

        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        adapter.Arena.Values.copy_(AdapterTensors.Read(Values));

        // Updates, not steps: skipped steps moved neither moments nor their corrections.
        optimizer.Restore(AdapterTensors.Read(Mean), AdapterTensors.Read(Variance), Updates);
        adapter.RestoreRandomness(Generator);

        // Either may be missing: under Auto the dtype is the device's, and a run may go on on another device.
        if (Scale is LossScale scale)
        {
            scaling?.Restore(scale);
        }
    }
}
