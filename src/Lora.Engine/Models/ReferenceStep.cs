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
        Tensor loss = rows.SumLoss(model, batch, balance); // [], float32
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
        return Sum(rows.Hidden(model, batch), rows);
    }

    /// <inheritdoc/>
    public IReadOnlyList<LossSum> SumEach(IReadOnlyList<TrainingExample> texts)
    {
        // A rotation that hangs on the length is another one for each text.
        if (model is not CausalLanguageModel { HasLengthRotation: false } decoder || SharedBeginning.Of(texts) is not SharedBeginning beginning)
        {
            return this.SumAlone(texts);
        }

        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using KeyValueCache cache = new();
        decoder.Read(Row(beginning.Ids), cache);
        List<LossSum> sums = [];
        foreach (TrainingExample text in beginning.Following)
        {
            using DisposeScope own = NewDisposeScope();
            SupervisedRows rows = SupervisedRows.Of(Batch.Of([text], Batch.Padding));
            cache.Cut(beginning.Ids.Length);
            Tensor hidden = decoder.Continue(Row(text.Ids), cache); // [1, tokens, hidden]
            sums.Add(Sum(hidden.flatten(0, 1).index_select(0, DeviceIndex.Of(rows.Positions, model.Device)), rows));
        }

        return sums;

        Tensor Row(int[] ids) => DeviceIndex.Of([.. ids.Select(id => (long)id)], [1, ids.Length], model.Device);
    }

    /// <summary>Sums over hidden states [places, hidden].</summary>
    private LossSum Sum(Tensor hidden, SupervisedRows rows)
    {
        bool isClassifier = model.Task is TaskKind.SequenceClassification or TaskKind.TokenClassification;
        LossSum sum = default;
        List<Tensor> queued = []; // each [2]
        for (int start = 0; start < rows.Count; start += LossChunk.Least)
        {
            // Without gradients nothing asks for the logits of all places at once.
            using DisposeScope chunk = NewDisposeScope();
            SupervisedRows part = rows.Part(start, LossChunk.Least);
            Tensor predictions = model.Head(hidden.narrow(0, start, part.Count)); // [places, labels]
            if (isClassifier || part.Values is not null)
            {
                sum += part.Score(predictions, isClassifier);
            }
            else
            {
                queued.Add(part.Sums(predictions).MoveToOuterDisposeScope());
            }
        }

        // Tokens are waited for once, however many chunks there are.
        return LossSum.Read(queued).Aggregate(sum, (left, right) => left + right);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
