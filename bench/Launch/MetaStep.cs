using Lora.Data;
using Lora.Models;
using Lora.Tools.Operators;
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
    private readonly WholeStep step;
    private readonly LoraQuantization quantization;

    /// <param name="type">Of the frozen weights and the activations.</param>
    /// <param name="shape">The model's.</param>
    /// <param name="quantization">How the matrices of the blocks are held.</param>
    /// <param name="config">What is special of the adapter.</param>
    public MetaStep(ScalarType type, ModelShape shape, LoraQuantization quantization = LoraQuantization.None, LoraConfig? config = null)
    {
        this.type = type;
        this.quantization = quantization;
        model = new(type, shape, device: META, quantization: quantization, config: config);
        step = new(model, kernels: null);
    }

    /// <summary>Bytes of the model, the adapter with its gradients and moments, and a step's highest point.</summary>
    /// <param name="lengths">Tokens of each document; all but the first of each are learned.</param>
    /// <param name="again">What the step computes again.</param>
    public double Memory(int[] lengths, Recomputation again = default)
    {
        WeightSize size = WeightSize.Of(model.Model.Shape, type, quantization);
        double adapter = (double)BytesOfValue * model.Adapter.Arena.Count;
        return size.Held + size.Buffer + model.Model.Buffer.Passing + adapter + step.Fused.Memory.Peak(new(lengths, lengths.Sum(length => length - 1)), again);
    }

    /// <summary>What a run would compute again to hold a limit, as its plan chooses; null where nothing is enough.</summary>
    /// <param name="lengths">Tokens of each document.</param>
    /// <param name="limit">In bytes.</param>
    public Recomputation? Fitting(int[] lengths, double limit)
    {
        Recomputation least = Recomputation.Least(step.Fused.Memory.Blocks, again => Memory(lengths, again) <= limit);
        return Memory(lengths, least) <= limit ? least : null;
    }

    /// <summary>The operators of a whole step, with clipping and the update of the adapter.</summary>
    /// <param name="lengths">Tokens of each document; all but the first of each are learned.</param>
    /// <param name="again">What the step computes again.</param>
    public OperatorCost[] Count(int[] lengths, Recomputation again = default)
    {
        step.Fused.Recomputation = again;
        MetaKernels.Register(); // memory is told without them, on systems too that have none
        Batch batch = model.Rows(lengths);
        double pairs = lengths.Sum(length => length * (length + 1.0) / 2);

        // Not the first step, which makes what all others find.
        Queue();
        return [.. OperatorCounter.During(Queue).Select(launched => OperatorCost.Of(launched, pairs))];

        void Queue()
        {
            using DisposeScope scope = NewDisposeScope();
            step.Queue(batch);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        step.Dispose();
        model.Dispose();
    }
}
