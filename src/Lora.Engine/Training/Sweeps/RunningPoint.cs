namespace Lora.Training;

/// <summary>A point that is trained in parts.</summary>
/// <param name="point">The point.</param>
/// <param name="folder">Its own folder; null for none.</param>
/// <param name="swept">What the sweep's record has of it.</param>
internal sealed class RunningPoint(SweepPoint point, string? folder, SweptPoint swept)
{
    // A process that is killed loses so much of a point, where the user did not say how much.
    private const double SaveMinutes = 5;

    // Losses of single steps differ as their rows do.
    private const int TrainingLossShare = 10;

    private LoraAdapter? adapter;
    private TrainingState? state;

    /// <summary>The point.</summary>
    public SweepPoint Point => point;

    /// <summary>What the sweep's record has of it.</summary>
    public SweptPoint Swept { get; set; } = swept;

    /// <summary>Whether the sweep before this one had it, so that what lies in its folder is its own.</summary>
    public bool IsGoneOnWith { get; set; }

    /// <summary>The lowest block that learns in any point on the same model.</summary>
    public int Block { get; set; }

    /// <summary>What its training will do, for the first part of it; null where that is to be planned when its turn comes.</summary>
    public TrainingPlan? Plan { private get; set; }

    /// <summary>How it ends after its last rung.</summary>
    public LoraSweepOutcome EndOutcome => Swept.Rungs is [.., SweptRung last] && last.Step < last.TotalStep ? LoraSweepOutcome.EarlyStopped : LoraSweepOutcome.Completed;

    /// <summary>The options of its training to the end of a rung.</summary>
    public TrainingOptions OptionsOf(int rung, SweepRungs rungs) => folder is null && rungs.Count == 1 ? point.Options : point.Options with
    {
        OutputPath = folder,
        SaveMinute = point.Options.SaveMinute ?? (folder is not null && point.Options.SaveStep is null ? SaveMinutes : null),
        PauseDivisor = rungs.Divisor(rung),
        Paused = state,
        // What a point says that is not yet at its end would be thrown away.
        Prompt = rung == rungs.Count ? point.Options.Prompt : [],
        Resume = folder is not null && (rung > 1 || (IsGoneOnWith && TrainingStateFile.IsThere(folder))),
        Overwrite = point.Options.Overwrite || IsGoneOnWith,
    };

    /// <summary>The plan that was made of it, once.</summary>
    public TrainingPlan? TakePlan()
    {
        TrainingPlan? taken = Plan;
        Plan = null; // it may hold an adapter
        return taken;
    }

    /// <summary>Keeps what a part of its training gave and no folder has.</summary>
    public void Keep(LoraTrainingResult part)
    {
        adapter = folder is null ? part.Adapter : null;
        state = part.State;
    }

    /// <summary>What it has come to with one more part of its training.</summary>
    public SweptRung Came(LoraTrainingResult part)
    {
        // Those of earlier processes are in the folder alone; a full disk takes none.
        SweptRung? before = Swept.Rungs is [.., SweptRung last] ? last : null;
        (int Step, double Loss, long Token)[] steps = [.. folder is null ? [] : MetricsFile.Steps(folder).Where(step => step.Step <= part.Done)];
        bool areThere = steps.Length >= part.Done;
        steps = areThere ? steps : [.. part.History.Select(step => (step.Step, step.Loss, step.Token))];
        double[] ended = [.. steps.TakeLast(Math.Max(1, part.Done / TrainingLossShare)).Select(step => step.Loss)];
        double trainingLoss = ended.Length > 0 ? ended.Average() : double.NaN;
        string? judge = point.Options.BestBy;
        LoraEvaluation? evaluation = part.Ended.FirstOrDefault(found => judge is null || found.Name.Equals(judge, StringComparison.OrdinalIgnoreCase));
        return new()
        {
            Step = part.Done,
            TotalStep = part.Total,
            IsEnded = part.StopReason is LoraStopReason.Completed or LoraStopReason.EarlyStopped,
            Loss = evaluation?.Loss ?? trainingLoss,
            TrainingLoss = trainingLoss,
            Evaluation = evaluation,
            Sample = part.Sample,
            Token = steps.Sum(step => step.Token) + (areThere ? 0 : before?.Token ?? 0),
            Seconds = part.Elapsed.TotalSeconds + (before?.Seconds ?? 0),
        };
    }

    /// <summary>The result of a point that has ended.</summary>
    public LoraSweepResult Result(SweptRung came, int rung, LoraSweepOutcome outcome) => new()
    {
        Name = point.Name,
        Parameter = point.Parameter,
        Config = point.Config,
        Model = point.Config.Model ?? "",
        Outcome = outcome,
        Rung = rung,
        Step = came.Step,
        TotalStep = came.TotalStep,
        Loss = came.Loss,
        TrainingLoss = came.TrainingLoss,
        Evaluation = came.Evaluation,
        Sample = came.Sample,
        Token = came.Token,
        Elapsed = TimeSpan.FromSeconds(came.Seconds),
        Adapter = adapter,
        Path = folder,
    };

    /// <summary>Removes the state that its run was gone on with from.</summary>
    public void RemoveState()
    {
        state = null;
        if (folder is not null)
        {
            TrainingStateFile.Remove(folder);
        }
    }
}
