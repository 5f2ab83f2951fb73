using Lora.Data;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// The places of a batch that are learned, with what is to be predicted there. In causal language modelling the label at position t+1 is the target of
/// the hidden state at position t; <see cref="LabelPlace"/> has the others. Everything else never meets the head.
/// </summary>
/// <param name="Positions">Indices into the batch's hidden states flattened to [rows * places, hidden].</param>
/// <param name="Targets">The token id or the class to predict at each position.</param>
internal sealed record SupervisedRows(long[] Positions, long[] Targets)
{
    /// <summary>What is to be predicted in place of classes, position after position; null for classes.</summary>
    public LabelValues? Values { get; init; }

    /// <summary>Number of supervised places, by which a sum of losses is divided.</summary>
    public int Count => Targets.Length;

    /// <summary>Finds the places.</summary>
    public static SupervisedRows Of(Batch batch) => batch.Place switch
    {
        LabelPlace.First => OfTexts(batch, _ => 0),
        LabelPlace.Last => OfTexts(batch, row => batch.Lengths[row] - 1),
        _ => OfTokens(batch, isNext: batch.Place == LabelPlace.Next),
    };

    /// <summary>The summed loss of the places, in nats, float32; the graph leads back to the adapter.</summary>
    /// <param name="model">The model.</param>
    /// <param name="batch">The rows.</param>
    /// <param name="balance">Takes the choices of routers in; null for nobody.</param>
    public Tensor SumLoss(TaskModel model, Batch batch, RouterBalance? balance = null) => SumLoss(model.Head(Hidden(model, batch, balance)));

    /// <summary>
    /// The summed loss of predictions [count, labels]: cross-entropy of classes; of several labels the mean of each one's binary cross-entropy; of numbers
    /// the mean of the squared errors.
    /// </summary>
    public Tensor SumLoss(Tensor predictions)
    {
        // As transformers does, whatever the dtype of the model.
        Tensor exact = predictions.to(ScalarType.Float32); // [count, labels]
        if (Values is null)
        {
            return nn.functional.cross_entropy(exact, DeviceIndex.Of(Targets, exact.device), reduction: nn.Reduction.Sum);
        }

        Tensor values = tensor(Values.Numbers, exact.shape, device: exact.device); // [count, labels]
        Tensor sum = Values.AreNumbers
            ? nn.functional.mse_loss(exact, values, nn.Reduction.Sum)
            : nn.functional.binary_cross_entropy_with_logits(exact, values, reduction: nn.Reduction.Sum);
        return sum.Times(1.0 / exact.shape[1]);
    }

    /// <summary>The summed loss of predictions of classes, [count, classes], and how many are right, not waited for.</summary>
    /// <returns>[2], float64 (<see cref="LossSum.Read"/>), in the caller's scope.</returns>
    public Tensor Sums(Tensor predictions)
    {
        Tensor exact = predictions.to(ScalarType.Float32); // [count, classes]
        Tensor hits = LossSum.FindHits(exact, DeviceIndex.Of(Targets, exact.device));
        return stack([SumLoss(exact).to(ScalarType.Float64), hits.to(ScalarType.Float64)]);
    }

    /// <summary>Loss, hits and, of classifiers, scores of predictions [count, labels], without gradients.</summary>
    public LossSum Score(Tensor predictions, bool isClassifier)
    {
        Tensor exact = predictions.to(ScalarType.Float32); // [count, labels]
        if (Values is null)
        {
            return LossSum.Read([Sums(exact)])[0] with { Scores = isClassifier ? LabelScores.OfClasses(exact, Targets) : null };
        }

        double loss = SumLoss(exact).ToDouble();
        if (Values.AreNumbers)
        {
            return new(loss, 0, LabelScores.OfNumbers(exact, Values.Numbers));
        }

        (LabelScores scores, long hits) = LabelScores.OfSeveral(exact, Values.Numbers);
        return new(loss, hits, scores);
    }

    /// <summary>The hidden states of the places, [count, hidden].</summary>
    public Tensor Hidden(TaskModel model, Batch batch, RouterBalance? balance = null) =>
        model.Hidden(batch, balance).flatten(0, 1).index_select(0, DeviceIndex.Of(Positions, model.Device)); // of [rows * places, hidden]

    /// <summary>Some of the places.</summary>
    public SupervisedRows Part(int start, int count)
    {
        int end = Math.Min(start + count, Count);
        int labels = Values is null ? 0 : Values.Numbers.Length / Count;
        return new(Positions[start..end], Targets[start..end]) { Values = Values is null ? null : Values with { Numbers = Values.Numbers[(start * labels)..(end * labels)] } };
    }

    private static SupervisedRows OfTokens(Batch batch, bool isNext)
    {
        List<long> positions = [];
        List<long> targets = [];
        for (int index = 0; index < batch.Labels.Length; index++)
        {
            // Nothing comes before a row's first token that could predict it; the place before it in the flat batch belongs to another row.
            bool isFirst = isNext && index % batch.LabelLength == 0;
            if (!isFirst && batch.Labels[index] != TrainingExample.Unsupervised)
            {
                positions.Add(isNext ? index - 1 : index);
                targets.Add(batch.Labels[index]);
            }
        }

        return new([.. positions], [.. targets]);
    }

    private static SupervisedRows OfTexts(Batch batch, Func<int, int> place)
    {
        LabelValues[] values = [.. batch.Examples.Select(example => example.Values).OfType<LabelValues>()];
        return new([.. Enumerable.Range(0, batch.Rows).Select(row => ((long)row * batch.Length) + place(row))], batch.Labels)
        {
            Values = values.Length == 0 ? null : values[0] with { Numbers = [.. values.SelectMany(row => row.Numbers)] },
        };
    }
}
