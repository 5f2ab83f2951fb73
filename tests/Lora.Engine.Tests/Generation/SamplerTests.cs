using Lora.Generation;

namespace Lora.Tests.Generation;

/// <summary>Draws, counted, against the probabilities that an independent computation in double precision gives: all scores sorted, each rule as its words say.</summary>
public class SamplerTests
{
    private const int Draws = 20000;

    private static readonly float[] Logits = [.. Enumerable.Range(0, 40).Select(id => (float)(3 * Math.Sin(id * 1.7)) - (id % 5 == 0 ? 1.5f : 0))];

    private static readonly GenerationOptions[] Rules =
    [
        new() { Temperature = 1 },
        new() { Temperature = 0.6 },
        new() { TopK = 5 },
        new() { TopP = 0.8 },
        new() { TopP = 0.5, Temperature = 1.8 },
        new() { MinP = 0.2 },
        new() { RepetitionPenalty = 1.7, Temperature = 1 },
        new() { TopK = 12, TopP = 0.9, MinP = 0.05, Temperature = 1.3, RepetitionPenalty = 1.2 },
    ];

    [Fact]
    public void Tokens_come_as_often_as_the_rules_say() => Assert.All(Rules, AssertDrawn);

    [Fact]
    public void Without_chance_the_likeliest_token_is_taken_and_the_penalty_counts()
    {
        int likeliest = Array.IndexOf(Logits, Logits.Max());
        Assert.Equal(likeliest, new Sampler(new()).Choose(Logits));

        Sampler penalised = new(new() { RepetitionPenalty = 100 });
        penalised.Note([likeliest]);
        Assert.Equal(Array.IndexOf(Logits, Logits.Order().ElementAt(Logits.Length - 2)), penalised.Choose(Logits));
    }

    [Theory]
    [InlineData(double.Epsilon)]
    [InlineData(1e-50)]
    [InlineData(1e300)]
    [InlineData(double.MaxValue)]
    public void A_penalty_that_float32_does_not_hold_leaves_numbers_to_choose_by(double penalty)
    {
        foreach (double? temperature in new double?[] { null, 1 })
        {
            Sampler sampler = new(new() { RepetitionPenalty = penalty, Temperature = temperature, Seed = 1 });
            sampler.Note([1, 2]);
            float[] logits = [3, 2, 0, -1];
            int chosen = sampler.Choose(logits);
            Assert.True(penalty < 1 ? chosen == 1 : chosen is 0 or 2 or 3);
        }
    }

    [Theory]
    [InlineData(1e-10)]
    [InlineData(1e-38)]
    [InlineData(double.Epsilon)]
    public void A_temperature_next_to_nothing_takes_the_likeliest_token(double temperature)
    {
        int likeliest = Array.IndexOf(Logits, Logits.Max());
        Assert.Equal(likeliest, new Sampler(new() { Temperature = temperature, Seed = 1 }).Choose(Logits));
        Assert.Equal(likeliest, new Sampler(new() { Temperature = temperature, TopK = 5, TopP = 0.9, MinP = 0.1, Seed = 1 }).Choose(Logits));
    }

    [Fact]
    public void One_seed_gives_one_sequence_and_another_another()
    {
        int[] first = Sequence(5);
        Assert.Equal(first, Sequence(5));
        Assert.NotEqual(first, Sequence(6));

        static int[] Sequence(int seed)
        {
            Sampler sampler = new(new() { Temperature = 1, Seed = seed });
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Choose(Logits))];
        }
    }

    [Fact]
    public void Equal_scores_at_the_border_of_the_highest_are_all_left()
    {
        Sampler sampler = new(new() { TopK = 2, Seed = 1 });
        float[] scores = [3, 1, 1, 0];
        HashSet<int> drawn = [.. Enumerable.Range(0, 500).Select(_ => sampler.Choose(scores))];
        Assert.Equal([0, 1, 2], drawn.Order());
    }

    private static void AssertDrawn(GenerationOptions options)
    {
        int[] said = [1, 4, 4, 7];
        double[] expected = Probabilities(options, said);
        Sampler sampler = new(options with { Seed = 3 });
        sampler.Note(said);

        int[] counts = new int[Logits.Length];
        for (int draw = 0; draw < Draws; draw++)
        {
            counts[sampler.Choose(Logits)]++;
        }

        Assert.All(counts, (count, id) => Assert.True(expected[id] > 0 || count == 0, $"token {id} is cut off and came {count} times"));

        // Pearson's test: beyond this a right sampler comes once in a million runs (mean + 5 deviations of chi-square), and the seed is fixed.
        int[] possible = [.. Enumerable.Range(0, Logits.Length).Where(id => expected[id] * Draws >= 5)];
        double chiSquare = possible.Sum(id => Math.Pow(counts[id] - (expected[id] * Draws), 2) / (expected[id] * Draws));
        int degrees = possible.Length - 1;
        Assert.InRange(chiSquare, 0, degrees + (5 * Math.Sqrt(2 * Math.Max(degrees, 1))));
    }

    private static double[] Probabilities(GenerationOptions options, int[] said)
    {
        double[] scores = [.. Logits.Select(logit => (double)logit)];
        foreach (int id in said.Distinct())
        {
            scores[id] = scores[id] < 0 ? scores[id] * (options.RepetitionPenalty ?? 1) : scores[id] / (options.RepetitionPenalty ?? 1);
        }

        scores = [.. scores.Select(score => score / (options.Temperature ?? 1))];
        if (options.TopK is int most)
        {
            double lowest = scores.OrderDescending().ElementAt(most - 1);
            scores = [.. scores.Select(score => score < lowest ? double.NegativeInfinity : score)];
        }

        if (options.TopP is double share)
        {
            // Ascending, cumulated; what is not above 1 - share goes, the last one never.
            double[] now = Softmax(scores);
            int[] ascending = [.. Enumerable.Range(0, now.Length).OrderBy(id => now[id])];
            double sum = 0;
            foreach (int id in ascending[..^1])
            {
                sum += now[id];
                scores[id] = sum <= 1 - share ? double.NegativeInfinity : scores[id];
            }
        }

        if (options.MinP is double part)
        {
            double[] now = Softmax(scores);
            scores = [.. scores.Select((score, id) => now[id] < part * now.Max() ? double.NegativeInfinity : score)];
        }

        return Softmax(scores);
    }

    private static double[] Softmax(double[] scores)
    {
        double[] weights = [.. scores.Select(score => Math.Exp(score - scores.Max()))];
        return [.. weights.Select(weight => weight / weights.Sum())];
    }
}
