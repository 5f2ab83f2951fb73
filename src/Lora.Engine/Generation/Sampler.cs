using Lora.Data;
using Lora.Models;

namespace Lora.Generation;

/// <summary>Chooses the next token of one text: the likeliest, or one that is drawn. The rules are those of transformers' generation/logits_process.py, in its order.</summary>
internal sealed class Sampler(GenerationOptions options)
{
    private readonly SplitMix64 random = new(unchecked((ulong)options.Seed));
    private readonly HashSet<int> said = [];
    private float[] scores = [];

    /// <summary>Notes tokens that the text has.</summary>
    public void Note(IEnumerable<int> ids) => said.UnionWith(ids);

    /// <summary>The next token.</summary>
    /// <param name="logits">What the model expects, [vocabulary].</param>
    public int Choose(ReadOnlySpan<float> logits)
    {
        ReadOnlySpan<float> penalised = options.RepetitionPenalty is double penalty and not 1 ? Penalise(logits, penalty) : logits;
        if (options.Heat == 0)
        {
            return Likeliest.Of(penalised);
        }

        List<ScoredToken> left = Cooled(penalised, options.Heat, options.TopK);
        if (options.TopP is double share and < 1)
        {
            left = Nucleus(left, share);
        }

        if (options.MinP is double part)
        {
            float highest = left.Max(token => token.Score);
            left.RemoveAll(token => Math.Exp(token.Score - (double)highest) < part);
        }

        return Draw(left);
    }

    /// <summary>Scores of tokens that the text has, divided by the penalty where they are positive, multiplied where they are negative.</summary>
    private float[] Penalise(ReadOnlySpan<float> logits, double penalty)
    {
        Array.Resize(ref scores, logits.Length);
        logits.CopyTo(scores);
        foreach (int id in said)
        {
            // No penalty, however small or large, makes a score that float32 does not hold.
            double score = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
            scores[id] = (float)Math.Clamp(score, -float.MaxValue, float.MaxValue);
        }

        return scores;
    }

    /// <summary>What the scores are below the highest, divided by the temperature; with a number, those that are not below the lowest of so many.</summary>
    private static List<ScoredToken> Cooled(ReadOnlySpan<float> logits, double heat, int? most)
    {
        double highest = logits[Likeliest.Of(logits)]; // from here no temperature, however near to 0, makes the likeliest infinite
        float bound = most is int count && count < logits.Length ? LowestOf(logits, count) : float.NegativeInfinity;
        List<ScoredToken> left = new(Math.Min(most ?? logits.Length, logits.Length));
        for (int id = 0; id < logits.Length; id++)
        {
            if (logits[id] >= bound)
            {
                left.Add(new(id, (float)((logits[id] - highest) / heat)));
            }
        }

        return left;
    }

    /// <summary>The lowest of the highest scores.</summary>
    private static float LowestOf(ReadOnlySpan<float> logits, int count)
    {
        PriorityQueue<float, float> highest = new(count);
        foreach (float logit in logits)
        {
            if (highest.Count < count)
            {
                highest.Enqueue(logit, logit);
            }
            else if (logit > highest.Peek())
            {
                highest.EnqueueDequeue(logit, logit);
            }
        }

        return highest.Peek();
    }

    /// <summary>Without those least likely ones that come to no more than 1 - share together.</summary>
    private static List<ScoredToken> Nucleus(List<ScoredToken> left, double share)
    {
        double highest = left.Max(token => token.Score);
        double total = left.Sum(token => Math.Exp(token.Score - highest));

        // All that have less than an equal part of what is cut off are cut off, so that the few others alone are sorted.
        double cut = (1 - share) * total, sum = 0;
        List<ScoredToken> likely = new(left.Count);
        foreach (ScoredToken token in left)
        {
            double weight = Math.Exp(token.Score - highest);
            if (weight <= cut / left.Count)
            {
                sum += weight;
            }
            else
            {
                likely.Add(token);
            }
        }

        likely.Sort((one, other) => one.Score.CompareTo(other.Score) is int order and not 0 ? order : other.Id.CompareTo(one.Id));
        int first = 0;
        while (first < likely.Count - 1 && (sum += Math.Exp(likely[first].Score - highest)) <= cut)
        {
            first++;
        }

        likely.RemoveRange(0, first);
        return likely;
    }

    private int Draw(List<ScoredToken> left)
    {
        double highest = left.Max(token => token.Score);
        double place = random.NextShare() * left.Sum(token => Math.Exp(token.Score - highest));
        foreach (ScoredToken token in left)
        {
            place -= Math.Exp(token.Score - highest);
            if (place < 0)
            {
                return token.Id;
            }
        }

        return left[^1].Id; // what rounding left over
    }

    private readonly record struct ScoredToken(int Id, float Score);
}
