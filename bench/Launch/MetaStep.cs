using Lora.Data;
using Lora.Models;
using Lora.Tools.Operators;
using Lora.Training;
using TorchSharp;
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
    private readonly LoraQuantization quantization;
    private readonly AdamW optimizer;
    private readonly TrainingLoop loop;

    /// <param name="type">Of the frozen weights and the activations.</param>
    /// <param name="sizes">The sizes.</param>
    /// <param name="quantization">How the matrices of the blocks are held.</param>
    /// <param name="dropout">The probability that a value is dropped before A.</param>
    public MetaStep(ScalarType type, DecoderSizes sizes, LoraQuantization quantization = LoraQuantization.None, double dropout = 0)
    {
        MetaKernels.Register();
        this.type = type;
        this.quantization = quantization;
        model = new(type, sizes, device: META, quantization: quantization, dropout: dropout);
        step = model.Fused();
        optimizer = new(model.Adapter.Arena.Values, model.Adapter.Arena.Gradients, weightDecay: 0.01);

        // Whether a first update moves anything is asked of the first ones alone.
        loop = new(step, model.Adapter, optimizer, new TrainingOptions { MaxGradientNorm = 1 }) { Counts = new(NotFinite: 0, Unmoved: null) };
    }

    /// <summary>Bytes of the model, the adapter with its gradients and moments, and a step's highest point.</summary>
    public double Memory(int[] lengths)
    {
        WeightSize size = WeightSize.Of(model.Model.Shape, type, quantization);
        return size.Held + size.Buffer + model.Model.Buffer.Passing + Beside(lengths);
    }

    /// <summary>The same without the frozen weights.</summary>
    public double Beside(int[] lengths) => ((double)BytesOfValue * model.Adapter.Arena.Count) + step.Memory.Peak(new(lengths, lengths.Sum(length => length - 1)), default);

    /// <summary>The operators of a whole step, with clipping and the update of the adapter.</summary>
    /// <param name="lengths">Tokens of each document; all but the first of each are learned.</param>
    public OperatorCost[] Count(int[] lengths) => Count(lengths, batch => loop.Queue(new(1, 0, [batch]), scale: 1, rate: 1e-4, CancellationToken.None));

    /// <summary>The operators of a batch's gradients alone.</summary>
    /// <inheritdoc cref="Count(int[])"/>
    public OperatorCost[] CountGradients(int[] lengths) => Count(lengths, batch =>
    {
        SupervisedRows rows = SupervisedRows.Of(batch);
        step.QueueGradients(batch, rows, 1.0 / rows.Count);
    });

    private OperatorCost[] Count(int[] lengths, Action<Batch> queue)
    {
        Batch batch = model.Rows(lengths);
        double pairs = lengths.Sum(length => length * (length + 1.0) / 2);

        // Not the first step, which makes what all others find.
        Queue();
        return [.. OperatorCounter.During(Queue).Select(launched => OperatorCost.Of(launched, pairs))];

        void Queue()
        {
            using DisposeScope scope = NewDisposeScope();
            queue(batch);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        optimizer.Dispose();
        step.Dispose();
        model.Dispose();
    }
}
