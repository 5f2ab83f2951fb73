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

    /// <summary>The point.</summary>
    public SweepPoint Point => point;

    /// <summary>What the sweep's record has of it.</summary>
    public SweptPoint Swept { get; set; } = swept;

    /// <summary>Whether the sweep before this one had it, so that what lies in its folder is its own.</summary>
    public bool IsGoneOnWith { get; set; }

    /// <summary>The lowest block that learns in any point on the same model.</summary>
    public int Block { get; set; }

    /// <summary>The adapter as it was last, where no folder has it.</summary>
    public LoraAdapter? Adapter { get; set; }

    /// <summary>How it ends after its last rung.</summary>
    public LoraSweepOutcome EndOutcome => Swept.Rungs is [.., SweptRung last] && last.Step < last.TotalStep ? LoraSweepOutcome.EarlyStopped : LoraSweepOutcome.Completed;

    /// <summary>The options of its training to the end of a rung.</summary>
    public TrainingOptions OptionsOf(int rung, SweepRungs rungs) => folder is null ? point.Options : point.Options with
    {
        OutputPath = folder,
        SaveMinute = point.Options.SaveMinute ?? (point.Options.SaveStep is null ? SaveMinutes : null),
        PauseDivisor = rungs.Divisor(rung),
        Prompt = rung == rungs.Count ? point.Options.Prompt : [],
        Resume = rung > 1 || (IsGoneOnWith && TrainingStateFile.IsThere(folder)),
        Overwrite = point.Options.Overwrite || IsGoneOnWith,
    };

    /// <summary>What it has come to with one more part of its training.</summary>
    public SweptRung Came(LoraTrainingResult part)
    {
        (int Step, double Loss, long Token)[] steps = [.. folder is null ? [] : MetricsFile.Steps(folder).Where(step => step.Step <= part.Done)];
        steps = steps.Length >= part.Done ? steps : [.. part.History.Select(step => (step.Step, step.Loss, step.Token))]; // a full disk takes no metrics
        double[] last = [.. steps.TakeLast(Math.Max(1, part.Done / TrainingLossShare)).Select(step => step.Loss)];
        double trainingLoss = last.Length > 0 ? last.Average() : double.NaN;
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
            Token = steps.Sum(step => step.Token),
            Seconds = part.Elapsed.TotalSeconds + (Swept.Rungs is [.., SweptRung before] ? before.Seconds : 0),
        };
    }

    /// <summary>The result of a point that has ended.</summary>
    public LoraSweepResult Result(SweptRung came, int rung, LoraSweepOutcome outcome, bool isKept) => new()
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
        Adapter = Adapter,
        Path = isKept ? folder : null,
    };

    /// <summary>Removes the state that its run was gone on with from.</summary>
    public void RemoveState()
    {
        if (folder is not null)
        {
            TrainingStateFile.Remove(folder);
        }
    }
}
