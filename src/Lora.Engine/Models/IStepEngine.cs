using Lora.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Computes the loss of a batch and its gradients.</summary>
internal interface IStepEngine : IDisposable
{
    /// <summary>Adds the gradients of scale · Σ loss to those of the trained values.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="rows">Its supervised places.</param>
    /// <param name="scale">One over the supervised tokens of the whole optimiser step.</param>
    /// <returns>
    /// Σ loss, in nats and without the scale, [], float64, in the caller's scope; with the routers' part where the model's configuration asks for it. A GPU may not
    /// have computed it yet: whoever reads it waits.
    /// </returns>
    Tensor QueueGradients(Batch batch, SupervisedRows rows, double scale);

    /// <summary>The summed loss of the supervised places and how many of them are predicted rightly, without gradients.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="rows">Its supervised places.</param>
    LossSum SumLoss(Batch batch, SupervisedRows rows);

    /// <summary>The sums of several texts, each by itself and not by what is beside it, without gradients. What all begin with is computed once where that can be.</summary>
    /// <param name="texts">Texts in which the token before each label predicts it.</param>
    IReadOnlyList<LossSum> SumEach(IReadOnlyList<TrainingExample> texts) => this.SumAlone(texts);
}

/// <summary>What waits for a step engine.</summary>
internal static class StepEngineReading
{
    /// <summary><see cref="IStepEngine.QueueGradients"/>, waiting for the loss, which is scaled.</summary>
    public static double AddGradients(this IStepEngine engine, Batch batch, SupervisedRows rows, double scale)
    {
        using Tensor loss = engine.QueueGradients(batch, rows, scale);
        return loss.ToDouble() * scale;
    }

    /// <summary>The sums of texts, a pass each.</summary>
    public static IReadOnlyList<LossSum> SumAlone(this IStepEngine engine, IReadOnlyList<TrainingExample> texts) =>
        [.. texts.Select(text => Batch.Of([text], Batch.Padding)).Select(batch => engine.SumLoss(batch, SupervisedRows.Of(batch)))];
}

/// <summary>Sums over supervised places.</summary>
/// <param name="Loss">Of the losses, in nats.</param>
/// <param name="Hits">Places whose likeliest token, or class, is the target; of several labels those of which all are right.</param>
/// <param name="Scores">What predictions of labels come to; null for those of tokens.</param>
internal readonly record struct LossSum(double Loss, long Hits, LabelScores? Scores = null)
{
    public static LossSum operator +(LossSum left, LossSum right) => new(left.Loss + right.Loss, left.Hits + right.Hits, LabelScores.Sum(left.Scores, right.Scores));

    /// <summary>Reads sums of texts from the device, and waits for all of them at once.</summary>
    /// <param name="sums">Each [2], float64: the loss, and the hits, which are whole in it too.</param>
    public static LossSum[] Read(IReadOnlyList<Tensor> sums)
    {
        if (sums.Count == 0)
        {
            return [];
        }

        using DisposeScope scope = NewDisposeScope();
        double[] numbers = [.. stack(sums).cpu().data<double>()];
        return [.. numbers.Chunk(2).Select(one => new LossSum(one[0], (long)one[1]))];
    }

    /// <summary>How many places have their highest logit at the target; of several that are equally high the first counts, as in torch.argmax.</summary>
    /// <param name="logits">[places, vocabulary].</param>
    /// <param name="targets">[places], int64.</param>
    /// <returns>[], int64, in the caller's scope.</returns>
    public static Tensor FindHits(Tensor logits, Tensor targets) => logits.argmax(-1).eq(targets).sum();
}
