using Lora.Data;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The gradients by libtorch's autograd through the model's modules: for every family, task and adapter.</summary>
internal sealed class ReferenceStep(TaskModel model) : IStepEngine
{
    /// <inheritdoc/>
    public Tensor QueueGradients(Batch batch, SupervisedRows rows, double scale)
    {
        using DisposeScope scope = NewDisposeScope();
        RouterBalance? balance = RouterBalance.Of(model.RouterLoss, batch, model.Device);
        Tensor loss = rows.SumLoss(model, batch, balance);
        if (balance?.Loss() is Tensor routers)
        {
            // As often as there are supervised tokens: scaled like theirs it is the coefficient times the loss, and of several batches the mean by tokens.
            loss = loss.Plus(routers.Times(model.RouterLoss!.Value * rows.Count));
        }

        // The scale goes in before differentiation: gradients add up over the batches of a step without a pass over them afterwards.
        loss.Times(scale).backward();
        model.Buffer.ThrowIfFailed();
        using IDisposable noGradient = no_grad();
        return loss.detach().to(ScalarType.Float64).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public LossSum SumLoss(Batch batch, SupervisedRows rows)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        bool isClassifier = model.Task is TaskKind.SequenceClassification or TaskKind.TokenClassification;
        Tensor hidden = rows.Hidden(model, batch); // [places, hidden]
        LossSum sum = default;
        for (int start = 0; start < rows.Count; start += LossChunk.Least)
        {
            // Without gradients nothing asks for the logits of all places at once.
            using DisposeScope chunk = NewDisposeScope();
            SupervisedRows part = rows.Part(start, LossChunk.Least);
            sum += part.Score(model.Head(hidden.narrow(0, start, part.Count)), isClassifier); // [places, labels]
        }

        return sum;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
