using Lora.Data;
using Lora.Models;
using Lora.Tools.Operators;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>A step of a model that has shapes and no values (META), by the kernels that a card gets, so that models of any size can be counted.</summary>
internal sealed class MetaStep : IDisposable
{
    // A value, its gradient and two moments.
    private const int BytesOfValue = 4 * sizeof(float);

    private readonly ScalarType type;
    private readonly StepModel model;
    private readonly FusedStep step;

    /// <param name="type">Of the frozen weights and the activations.</param>
    /// <param name="sizes">The sizes.</param>
    public MetaStep(ScalarType type, DecoderSizes sizes)
    {
        MetaKernels.Register();
        this.type = type;
        model = new(type, sizes, device: META);
        step = model.Fused();
    }

    /// <summary>Bytes of the model, the adapter with its gradients and moments, and a step's highest point.</summary>
    public double Memory(int[] lengths) => WeightSize.Of(model.Model.Shape, type, LoraQuantization.None).Held + Beside(lengths);

    /// <summary>The same without the frozen weights.</summary>
    public double Beside(int[] lengths) => ((double)BytesOfValue * model.Adapter.Arena.Count) + step.Memory.Peak(new(lengths, lengths.Sum(length => length - 1)), default);

    /// <summary>The operators of a batch's gradients.</summary>
    /// <param name="lengths">Tokens of each document; all but the first of each are learned.</param>
    public OperatorCost[] Count(int[] lengths)
    {
        Batch batch = model.Rows(lengths);
        SupervisedRows rows = SupervisedRows.Of(batch);
        double pairs = lengths.Sum(length => length * (length + 1.0) / 2);

        // Not the first step, which makes what all others find.
        Queue();
        return [.. OperatorCounter.During(Queue).Select(launched => OperatorCost.Of(launched, pairs))];

        void Queue()
        {
            using Tensor loss = step.QueueGradients(batch, rows, 1.0 / rows.Count);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        step.Dispose();
        model.Dispose();
    }
}
