using Lora.Data;
using Lora.Kernels;
using Lora.Models;
using Lora.Training;
using TorchSharp;

namespace Lora.Bench;

/// <summary>All that a run does for a step: gradients, clipping and the update of the adapter.</summary>
internal sealed class WholeStep : IDisposable
{
    private readonly AdamW optimizer;
    private readonly TrainingLoop loop;

    /// <param name="model">The model.</param>
    /// <param name="kernels">Null for the fastest that serve the weights' device and dtype.</param>
    public WholeStep(StepModel model, IKernels? kernels)
    {
        Fused = model.Fused(kernels);
        optimizer = new(model.Adapter.Arena.Values, model.Adapter.Arena.Gradients, weightDecay: 0.01);

        // Whether a first update moves anything is asked of the first ones alone.
        loop = new(Fused, model.Adapter, optimizer, new TrainingOptions { MaxGradientNorm = 1 }) { Counts = new(NotFinite: 0, Unmoved: null) };
    }

    /// <summary>What takes the gradients.</summary>
    public FusedStep Fused { get; }

    /// <summary>Queues a step and reads nothing.</summary>
    public StepFigures Queue(Batch batch) => loop.Queue(new(1, 0, [batch]), scale: 1, rate: 1e-4, CancellationToken.None)!;

    /// <summary>Takes a step and waits for it.</summary>
    public void Run(Batch batch)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Queue(batch).Read();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        optimizer.Dispose();
        Fused.Dispose();
    }
}
