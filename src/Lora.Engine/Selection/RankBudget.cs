namespace Lora.Selection;

/// <summary>Spreads a total rank over modules by a score: each gets its share, rounded so that the sum is exact.</summary>
/// <remarks>
/// Shares are proportional to the score, or to its inverse where low is good. Every module keeps at least 1, and none gets more than the
/// shorter side of its weight; what that leaves over goes to the others. Whole ranks by largest remainders (Hamilton's method).
/// </remarks>
public static class RankBudget
{
    /// <summary>A configuration of these modules whose ranks are spread, with alphas that leave the scaling of each as it was.</summary>
    /// <param name="config">The configuration, with rank and alpha.</param>
    /// <param name="modules">Its modules, as they were listed and scored.</param>
    /// <param name="budget">The sum of their ranks.</param>
    /// <param name="score">What they are weighed by.</param>
    /// <exception cref="LoraException">Everything in which the budget or the scores do not do.</exception>
    public static LoraConfig Apply(LoraConfig config, IReadOnlyList<LoraModuleInfo> modules, int budget, LoraModuleScore score)
    {
        (string Name, int Rank)[] changed = [.. modules.Zip(Spread(modules, budget, score), (module, rank) => (module.Name, rank)).Where(entry => entry.rank != config.Rank)];

        // As PEFT's EVA does (adjust_scaling_factors): alpha over rank, or over its root, stays what the configuration says.
        return config with
        {
            RankPattern = [.. changed.Select(entry => new LoraPatternValue { Pattern = entry.Name, Value = entry.Rank })],
            AlphaPattern = [.. changed.Select(entry => new LoraPatternValue { Pattern = entry.Name, Value = config.Alpha * Growth(entry.Rank / (double)config.Rank) })],
        };

        double Growth(double ratio) => config.UseRsLora ? Math.Sqrt(ratio) : ratio;
    }

    /// <summary>The rank of each module, in their order.</summary>
    /// <param name="modules">The modules.</param>
    /// <param name="budget">The sum of their ranks.</param>
    /// <param name="score">What they are weighed by.</param>
    /// <exception cref="LoraException">Everything in which the budget or the scores do not do.</exception>
    public static int[] Spread(IReadOnlyList<LoraModuleInfo> modules, int budget, LoraModuleScore score)
    {
        double?[] scores = [.. modules.Select(module => score.Of(module))];
        long[] most = [.. modules.Select(module => Math.Min(module.InFeatures ?? 0, module.OutFeatures ?? 0))];
        LoraException.ThrowIfAny(Problems(modules, scores, most, budget, score));
        // No division by zero: a score of 0 that would be inverted is among the problems.
        double[] weights = [.. scores.Select(value => score.IsLowGood() ? 1 / value!.Value : value!.Value)];
        int[] ranks = [.. Enumerable.Repeat(1, modules.Count)];

        // Those whose share is less than 1, or more than their weight has, are settled first; the others share what is left.
        HashSet<int> open = [.. Enumerable.Range(0, modules.Count)];
        while (open.Count > 0)
        {
            double left = budget - Enumerable.Range(0, modules.Count).Where(index => !open.Contains(index)).Sum(index => ranks[index]);
            double whole = open.Sum(index => weights[index]);
            Dictionary<int, double> shares = open.ToDictionary(index => index, index => whole > 0 ? left * weights[index] / whole : left / open.Count);
            // Those above their limit go first: what they leave may lift the others' shares to 1.
            int[] over = [.. open.Where(index => shares[index] > most[index])];
            int[] settled = over.Length > 0 ? over : [.. open.Where(index => shares[index] < 1)];
            if (settled.Length == 0)
            {
                Round(shares, (int)left, ranks, most);
                break;
            }

            foreach (int index in settled)
            {
                ranks[index] = over.Length > 0 ? (int)most[index] : 1;
                open.Remove(index);
            }
        }

        return ranks;
    }

    private static void Round(Dictionary<int, double> shares, int left, int[] ranks, long[] most)
    {
        foreach ((int index, double share) in shares)
        {
            ranks[index] = (int)share;
        }

        int over = left - shares.Keys.Sum(index => ranks[index]);
        int[] byRemainder = [.. shares.OrderByDescending(entry => entry.Value - Math.Floor(entry.Value)).ThenBy(entry => entry.Key).Select(entry => entry.Key)];
        foreach (int index in byRemainder.Where(index => ranks[index] < most[index]).Take(over))
        {
            ranks[index]++;
        }
    }

    private static List<LoraProblem> Problems(IReadOnlyList<LoraModuleInfo> modules, double?[] scores, long[] most, int budget, LoraModuleScore score)
    {
        List<LoraProblem> problems = [];
        string[] without = [.. modules.Where((_, index) => scores[index] is not (>= 0 and < double.PositiveInfinity) || (score.IsLowGood() && scores[index] == 0)).Select(module => module.Name)];
        if (without.Length > 0)
        {
            string more = without.Length > 1 ? $" and {without.Length - 1} more" : "";
            problems.Add(new(LoraError.ConfigValueInvalid, without, "-RankBy", $"{score}, which '{without[0]}'{more} has no usable value of", "a score that Measure-LoraModule has taken of every piped module"));
        }

        if (budget < modules.Count || budget > most.Sum())
        {
            problems.Add(new(LoraError.ConfigValueInvalid, budget, "-RankBudget", $"{budget} for {modules.Count} modules", $"a number from {modules.Count}, a rank of 1 for each, to {most.Sum()}, the shorter sides of their weights together"));
        }

        return problems;
    }
}
