using Lora.Data;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The gradients by libtorch's autograd through the model's modules: for every family and adapter.</summary>
internal sealed class ReferenceStep(CausalLanguageModel model) : IStepEngine
{
    /// <inheritdoc/>
    public double AddGradients(Batch batch, SupervisedRows rows, double scale)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor loss = rows.SumLoss(model, batch);

        // The scale goes in before differentiation: gradients add up over the batches of a step without a pass over them afterwards.
        loss.Times(scale).backward();
        model.Buffer.ThrowIfFailed();
        return loss.ToDouble() * scale;
    }

    /// <inheritdoc/>
    public double SumLoss(Batch batch, SupervisedRows rows)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        return rows.SumLoss(model, batch).ToDouble();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
