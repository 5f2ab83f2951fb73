namespace Lora.Training;

/// <summary>Joins the points of a sweep with what an earlier process did of them.</summary>
internal static class SweepResume
{
    /// <summary>The record of the sweep, in which points that were there before have what was trained of them.</summary>
    /// <param name="before">The record of the sweep that is gone on with, or of one without points.</param>
    /// <param name="isGoneOnWith">Whether there was a sweep before.</param>
    /// <param name="running">The points, which are given their part of the record.</param>
    /// <param name="options">How they are gone over.</param>
    /// <param name="observer">Told of new points, and of points that are no longer given.</param>
    /// <exception cref="LoraException">ResumeRefused: a point is another, or halving has to choose among other points.</exception>
    public static SweepRecord Joined(SweepRecord before, bool isGoneOnWith, IReadOnlyList<RunningPoint> running, SweepOptions options, ISweepObserver? observer)
    {
        if (!isGoneOnWith)
        {
            return before with { Points = [.. running.Select(point => point.Swept)] };
        }

        string folder = options.OutputPath!;
        Dictionary<string, SweptPoint> known = before.Points.ToDictionary(point => point.Name, StringComparer.Ordinal);
        string[] added = [.. running.Select(point => point.Point.Name).Where(name => !known.ContainsKey(name))];
        SweptPoint[] left = [.. before.Points.Where(point => !running.Any(now => now.Point.Name == point.Name))];
        LoraException.ThrowIfAny([.. Differences(before, running, known, added, left, options).Select(difference => new LoraProblem(LoraError.ResumeRefused, folder, folder, difference))]);
        foreach (RunningPoint point in running)
        {
            point.IsGoneOnWith = known.TryGetValue(point.Point.Name, out SweptPoint? swept);
            point.Swept = swept ?? point.Swept;
        }

        if (added.Length > 0)
        {
            observer?.OnStage($"New points, which the sweep in '{folder}' had not: {string.Join(", ", added)}");
        }

        left = [.. left.Where(point => point.Rungs.Count > 0 || TrainingStateFile.IsThere(Path.Combine(folder, point.Name)))]; // the others never began
        if (left.Length > 0)
        {
            observer?.OnWarning($"Points of the sweep in '{folder}' that are not among those given stay as they are: {string.Join(", ", left.Select(point => point.Name))}.");
        }

        return before with { Points = [.. running.Select(point => point.Swept), .. left] };
    }

    private static IEnumerable<string> Differences(
        SweepRecord before, IReadOnlyList<RunningPoint> running, Dictionary<string, SweptPoint> known, string[] added, SweptPoint[] left, SweepOptions options)
    {
        if (before.Factor != options.Factor)
        {
            yield return $"it was {(before.Factor is int was ? $"halved by {was}" : "not halved")} and is {(options.Factor is int now ? $"halved by {now}" : "not halved")}";
        }

        // Who goes on hangs on all points of a rung.
        if (options.Factor is not null && added.Length + left.Length > 0)
        {
            yield return $"halving chooses among all points, and they are others: {string.Join(", ", added.Select(name => $"'{name}' is new").Concat(left.Select(point => $"'{point.Name}' is gone")))}";
        }

        foreach (RunningPoint point in running)
        {
            foreach (string difference in known.TryGetValue(point.Point.Name, out SweptPoint? swept) ? RunIdentity.Differences(swept.Identity, point.Swept.Identity) : [])
            {
                yield return $"point '{point.Point.Name}': {difference}";
            }
        }
    }
}
