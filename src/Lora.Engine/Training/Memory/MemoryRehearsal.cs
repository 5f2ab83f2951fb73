using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>
/// Trains the largest batch once before the first step, so that a lack of memory shows in the first seconds and not in the middle of the run, and
/// keeps nothing of it: what was trained ends with the same bits.
/// </summary>
internal static class MemoryRehearsal
{
    /// <summary>Rehearses.</summary>
    /// <param name="engine">Computes the gradients.</param>
    /// <param name="adapter">The adapter that will be trained; its values and its generator are as before afterwards, its gradients zero.</param>
    /// <param name="optimizer">Its optimiser, before its first step; its moments stay zero.</param>
    /// <param name="batch">The largest batch.</param>
    /// <exception cref="LoraException">OutOfMemory.</exception>
    public static void Run(IStepEngine engine, AttachedAdapter adapter, AdamW optimizer, Batch batch)
    {
        using DisposeScope scope = NewDisposeScope();
        SupervisedRows rows = SupervisedRows.Of(batch);

        // Dropout takes memory too, and draws from the generator that the first step will draw from.
        TensorData randomness = adapter.Randomness(nameof(MemoryRehearsal));
        adapter.IsTraining = true;
        try
        {
            TorchMemoryFailure.Named(() => engine.AddGradients(batch, rows, 1.0 / rows.Count));
            adapter.GatherGradients();
            adapter.Arena.Gradients.zero_();
            TorchMemoryFailure.Named(optimizer.Rehearse);
        }
        finally
        {
            adapter.IsTraining = false;
            adapter.Arena.Gradients.zero_();
            adapter.RestoreRandomness(randomness);
        }
    }
}
