using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What predictions of labels come to, added up over batches.</summary>
internal sealed class LabelScores
{
    private readonly long[] right;
    private readonly long[] predicted;
    private readonly long[] actual;
    private readonly Moments[] moments;

    private LabelScores(int classes, int numbers)
    {
        right = new long[classes];
        predicted = new long[classes];
        actual = new long[classes];
        moments = new Moments[numbers];
    }

    /// <summary>
    /// The mean over labels of F1 = 2 · right / (predicted + actual). Labels that no place has and nobody predicts are left out of it (scikit-learn's
    /// f1_score with average="macro"). Null where numbers are predicted.
    /// </summary>
    public double? MacroF1
    {
        get
        {
            double[] scores = [.. right.Select((hits, label) => (Hits: hits, Both: predicted[label] + actual[label])).Where(label => label.Both > 0).Select(label => 2.0 * label.Hits / label.Both)];
            return scores.Length == 0 ? null : scores.Average();
        }
    }

    /// <summary>Pearson's correlation of predictions and numbers, the mean of those of several; null where labels are predicted, or numbers that are all equal.</summary>
    public double? Pearson => moments.Length > 0 && moments.Average(column => column.Correlation) is double mean && double.IsFinite(mean) ? mean : null;

    /// <summary>Of classes.</summary>
    /// <param name="logits">[places, labels].</param>
    /// <param name="targets">The class of each place.</param>
    public static LabelScores OfClasses(Tensor logits, IReadOnlyList<long> targets)
    {
        using DisposeScope scope = NewDisposeScope();
        LabelScores scores = new((int)logits.shape[1], 0);
        long[] said = logits.argmax(-1).cpu().data<long>().ToArray(); // [places]
        for (int place = 0; place < said.Length; place++)
        {
            scores.predicted[said[place]]++;
            scores.actual[targets[place]]++;
            scores.right[targets[place]] += said[place] == targets[place] ? 1 : 0;
        }

        return scores;
    }

    /// <summary>Of labels that are each there or not: one is predicted where its logit is above 0.</summary>
    /// <param name="logits">[places, labels], float32.</param>
    /// <param name="values">1 where a label is there and 0 where not, place after place.</param>
    /// <returns>The scores, and the places whose labels are all right.</returns>
    public static (LabelScores Scores, long Hits) OfSeveral(Tensor logits, float[] values)
    {
        float[] said = Values(logits); // [places, labels], row after row
        int labels = (int)logits.shape[1];
        LabelScores scores = new(labels, 0);
        long hits = 0;
        for (int place = 0; place < values.Length; place += labels)
        {
            bool isRight = true;
            for (int label = 0; label < labels; label++)
            {
                bool isSaid = said[place + label] > 0, isThere = values[place + label] > 0.5f;
                scores.predicted[label] += isSaid ? 1 : 0;
                scores.actual[label] += isThere ? 1 : 0;
                scores.right[label] += isSaid && isThere ? 1 : 0;
                isRight &= isSaid == isThere;
            }

            hits += isRight ? 1 : 0;
        }

        return (scores, hits);
    }

    /// <summary>Of numbers.</summary>
    /// <param name="predictions">[places, numbers], float32.</param>
    /// <param name="values">The true ones, place after place.</param>
    public static LabelScores OfNumbers(Tensor predictions, float[] values)
    {
        float[] said = Values(predictions);
        int numbers = (int)predictions.shape[1];
        LabelScores scores = new(0, numbers);
        for (int index = 0; index < values.Length; index++)
        {
            scores.moments[index % numbers] += Moments.Of(said[index], values[index]);
        }

        return scores;
    }

    /// <summary>Of both together; either may be null.</summary>
    public static LabelScores? Sum(LabelScores? left, LabelScores? right)
    {
        if (left is null || right is null)
        {
            return left ?? right;
        }

        LabelScores sum = new(left.right.Length, left.moments.Length);
        for (int label = 0; label < sum.right.Length; label++)
        {
            sum.right[label] = left.right[label] + right.right[label];
            sum.predicted[label] = left.predicted[label] + right.predicted[label];
            sum.actual[label] = left.actual[label] + right.actual[label];
        }

        for (int number = 0; number < sum.moments.Length; number++)
        {
            sum.moments[number] = left.moments[number] + right.moments[number];
        }

        return sum;
    }

    private static float[] Values(Tensor tensor)
    {
        using Tensor host = tensor.detach().to(ScalarType.Float32, CPU).contiguous();
        return host.data<float>().ToArray();
    }

    /// <summary>Sums over pairs of numbers.</summary>
    private readonly record struct Moments(long Count, double X, double Y, double XX, double YY, double XY)
    {
        /// <summary>The covariance over the product of the deviations.</summary>
        public double Correlation => ((Count * XY) - (X * Y)) / Math.Sqrt(((Count * XX) - (X * X)) * ((Count * YY) - (Y * Y)));

        public static Moments Of(double x, double y) => new(1, x, y, x * x, y * y, x * y);

        public static Moments operator +(Moments left, Moments right) =>
            new(left.Count + right.Count, left.X + right.X, left.Y + right.Y, left.XX + right.XX, left.YY + right.YY, left.XY + right.XY);
    }
}
