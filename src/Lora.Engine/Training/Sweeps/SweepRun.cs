namespace Lora.Training;

/// <summary>One going over the points of a sweep: what is done already, what is trained, who goes on.</summary>
/// <param name="session">Trains.</param>
/// <param name="points">The points.</param>
/// <param name="options">How they are gone over.</param>
/// <param name="observer">Who is told; null for nobody.</param>
/// <param name="cancellation">Stops the training.</param>
internal sealed class SweepRun(
    TrainingSession session, IReadOnlyList<SweepPoint> points, SweepOptions options, ISweepObserver? observer, CancellationToken cancellation)
{
    private readonly SweepRungs rungs = new(points.Count, options.Factor);
    private readonly List<LoraSweepResult> results = [];
    private readonly HashSet<string> warnings = new(StringComparer.Ordinal);
    private readonly string? folder = options.OutputPath;
    private SweepRecord record = new();
    private int trained;

    /// <summary>Runs it.</summary>
    public IReadOnlyList<LoraSweepResult> Execute()
    {
        SweepRecord? before = options.Resume && folder is not null && SweepRecord.IsThere(folder) ? SweepRecord.Read(folder) : null;
        if (options.Resume && before is null)
        {
            observer?.OnWarning($"'{folder}' has no sweep to go on with: this one begins with its first point.");
        }

        session.Begun = before?.Begun ?? session.Begun;
        List<RunningPoint> running = SweepPlan.Of(points, options, session.Begun, OnFailure);
        record = SweepResume.Joined(before ?? new() { Factor = options.Factor, Begun = session.Begun }, before is not null, running, options, observer);
        Save();
        int total = Total(running.Count);
        for (int rung = 1; rung <= rungs.Count && running.Count > 0; rung++)
        {
            List<RunningPoint> done = [];
            foreach (RunningPoint point in running)
            {
                bool isThere = point.Swept.Rungs.Count >= rung || Reach(point, rung, total);
                trained++;
                if (isThere)
                {
                    done.Add(point);
                    if (rung == rungs.Count)
                    {
                        End(point, rung);
                    }
                }
            }

            running = rung == rungs.Count ? done : Halve(running.Count, done, rung);
        }

        return results;
    }

    /// <summary>All parts of trainings, where none fails.</summary>
    private int Total(int running)
    {
        int total = running;
        for (int rung = 1; rung < rungs.Count; rung++)
        {
            running = rungs.GoOn(running);
            total += running;
        }

        return total;
    }

    /// <summary>Lets the best of a rung go on, and ends the others.</summary>
    private List<RunningPoint> Halve(int begun, List<RunningPoint> done, int rung)
    {
        // The sort is stable: of equal ones the first goes on. What is no number is never the best.
        RunningPoint[] ranked = [.. done.OrderBy(point => double.IsNaN(point.Swept.Rungs[rung - 1].Loss) ? double.PositiveInfinity : point.Swept.Rungs[rung - 1].Loss)];
        int kept = rungs.GoOn(begun);
        RunningPoint[] left = [.. ranked.Skip(kept).Reverse()];
        Array.ForEach(left, point => point.Swept.Outcome ??= LoraSweepOutcome.Halved);
        Save();
        Array.ForEach(left, point => End(point, rung));
        return [.. done.Where(ranked.Take(kept).Contains)];
    }

    /// <summary>Trains a point to the end of a rung; false when it failed.</summary>
    private bool Reach(RunningPoint point, int rung, int total)
    {
        cancellation.ThrowIfCancellationRequested();
        if (point.Swept.Rungs is [.., { IsEnded: true } last])
        {
            Note(point, last, rung); // there is nothing left to train
            return true;
        }

        observer?.OnPoint(point.Point, new(trained, total, rung, rungs.Count));
        PointObserver listening = new(observer, point.Point.Name, warnings);
        LoraTrainingResult result;
        try
        {
            session.SweptBlock = point.Block;
            TrainingOptions part = point.OptionsOf(rung, rungs);
            result = point.TakePlan() is TrainingPlan plan ? session.Train(plan, point.Point.Data, part, listening, cancellation)
                : session.Train(point.Point.Config, point.Point.Data, part, listening, cancellation);
        }
        catch (LoraException exception)
        {
            OnFailure(point.Point, exception);
            return false;
        }

        // A run that is stopped has no evaluation of its end: it is noted when it was gone on with.
        cancellation.ThrowIfCancellationRequested();
        SweptRung came = point.Came(result);
        bool isWhole = result.StopReason is LoraStopReason.Completed or LoraStopReason.EarlyStopped or LoraStopReason.Paused
            && (result.Ended.Count > 0 || point.Point.Data.ValidationDataset.Count == 0);
        foreach (LoraException failure in listening.Failures)
        {
            observer?.OnFailure(point.Result(came, rung, isWhole ? point.EndOutcome : LoraSweepOutcome.Failed), failure);
        }

        if (isWhole)
        {
            point.Keep(result);
            Note(point, came, rung);
        }

        return isWhole;
    }

    /// <summary>Notes what a point has come to; on the last rung that is its end.</summary>
    private void Note(RunningPoint point, SweptRung came, int rung)
    {
        point.Swept.Rungs.Add(came);
        point.Swept.Outcome ??= rung == rungs.Count ? point.EndOutcome : null;
        Save();
    }

    /// <summary>Gives the result of a point that has come to its end.</summary>
    private void End(RunningPoint point, int rung)
    {
        LoraSweepOutcome ended = point.Swept.Outcome ??= point.EndOutcome;
        if (ended != LoraSweepOutcome.Halved)
        {
            point.RemoveState(); // that of one that other points were better than stays, so that it may be gone on with all the same
        }

        LoraSweepResult result = point.Result(point.Swept.Rungs[rung - 1], rung, ended);
        results.Add(result);
        observer?.OnResult(result);
    }

    private void OnFailure(SweepPoint point, LoraException failure) => observer?.OnFailure(LoraSweepResult.Of(point, LoraSweepOutcome.Failed), failure);

    private void Save()
    {
        if (folder is not null)
        {
            record.Write(folder);
        }
    }
}
