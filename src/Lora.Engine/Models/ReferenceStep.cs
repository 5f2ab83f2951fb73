using Lora.Data;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The gradients by libtorch's autograd through the model's modules: for every family, task and adapter.</summary>
internal sealed class ReferenceStep(TaskModel model) : IStepEngine
{
    // Of the logits of an evaluation: as the head gives them, scaled, capped and adapted; wide, and the logarithms of their softmax.
    private const int Copies = 4;
    private const int WideCopies = 2;

    /// <summary>Bytes that logits of an evaluation may take at once on a device, since chunks are launches; null for chunks that suit a processor.</summary>
    public long? LossRoom { get; set; }

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
        Tensor hidden = rows.Hidden(model, batch); // [places, hidden]
        bool isClassifier = model.Task is TaskKind.SequenceClassification or TaskKind.TokenClassification;
        return !isClassifier && rows.Values is null ? LossSum.Read([QueueSums(hidden, rows)])[0]
            : Parts(hidden, rows).Select(part => Of(part, predictions => part.Rows.Score(predictions, isClassifier))).Aggregate(default(LossSum), (left, right) => left + right);
    }

    /// <inheritdoc/>
    public IReadOnlyList<LossSum> SumEach(IReadOnlyList<TrainingExample> texts)
    {
        using DisposeScope scope = NewDisposeScope();
        return LossSum.Read(QueueEach(texts));
    }

    /// <summary><see cref="SumEach"/> without waiting for it.</summary>
    /// <returns>Each [2], float64 (<see cref="LossSum.Read"/>), in the caller's scope.</returns>
    internal IReadOnlyList<Tensor> QueueEach(IReadOnlyList<TrainingExample> texts)
    {
        using IDisposable noGradient = no_grad();

        // A rotation that hangs on the length is another one for each text.
        return model is CausalLanguageModel { HasLengthRotation: false } decoder && SharedBeginning.Of(texts) is SharedBeginning beginning
            ? QueueFollowing(decoder, beginning)
            : [.. texts.Select(QueueAlone)];
    }

    private List<Tensor> QueueFollowing(CausalLanguageModel decoder, SharedBeginning beginning)
    {
        using DisposeScope scope = NewDisposeScope();
        using KeyValueCache cache = new();
        decoder.Read(Row(beginning.Ids), cache);
        List<Tensor> sums = [];
        foreach (TrainingExample text in beginning.Following)
        {
            using DisposeScope own = NewDisposeScope();
            SupervisedRows rows = SupervisedRows.Of(Batch.Of([text], Batch.Padding));
            cache.Cut(beginning.Ids.Length);
            Tensor hidden = decoder.Continue(Row(text.Ids), cache); // [1, tokens, hidden]
            sums.Add(QueueSums(hidden.flatten(0, 1).index_select(0, DeviceIndex.Of(rows.Positions, model.Device)), rows).MoveToOuterDisposeScope());
        }

        return [.. sums.Select(sum => sum.MoveToOuterDisposeScope())];

        Tensor Row(int[] ids) => DeviceIndex.Of([.. ids.Select(id => (long)id)], [1, ids.Length], model.Device);
    }

    private Tensor QueueAlone(TrainingExample text)
    {
        using DisposeScope scope = NewDisposeScope();
        Batch batch = Batch.Of([text], Batch.Padding);
        SupervisedRows rows = SupervisedRows.Of(batch);
        return QueueSums(rows.Hidden(model, batch), rows).MoveToOuterDisposeScope();
    }

    /// <summary>Sums over hidden states [places, hidden], [2], in the caller's scope.</summary>
    private Tensor QueueSums(Tensor hidden, SupervisedRows rows)
    {
        using DisposeScope scope = NewDisposeScope();
        if (rows.Count == 0)
        {
            return zeros([2], dtype: ScalarType.Float64, device: model.Device).MoveToOuterDisposeScope();
        }

        Tensor[] sums = [.. Parts(hidden, rows).Select(part => Of(part, predictions => part.Rows.Sums(predictions).MoveToOuterDisposeScope()))];
        return (sums.Length == 1 ? sums[0] : stack(sums).sum(dim: 0)).MoveToOuterDisposeScope();
    }

    /// <summary>Places whose logits are there at once: without gradients nothing asks for those of all.</summary>
    private IEnumerable<(Tensor Hidden, SupervisedRows Rows)> Parts(Tensor hidden, SupervisedRows rows)
    {
        int most = LossRoom is long room
            ? LossChunk.Most(rows.Count, model.VocabularySize, chunk => (double)chunk * model.VocabularySize * ((Copies * hidden.element_size()) + (WideCopies * sizeof(float))) <= room)
            : LossChunk.Least;
        for (int start = 0; start < rows.Count; start += most)
        {
            SupervisedRows part = rows.Part(start, most);
            yield return (hidden.narrow(0, start, part.Count), part);
        }
    }

    private T Of<T>((Tensor Hidden, SupervisedRows Rows) part, Func<Tensor, T> read)
    {
        using DisposeScope chunk = NewDisposeScope();
        return read(model.Head(part.Hidden)); // [places, labels]
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
