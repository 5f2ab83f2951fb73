using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Native;
using Lora.Selection;

namespace Lora.Training;

/// <summary>Scores modules: of their weights, read one by one, and of rows, by passes through the model that is loaded for them.</summary>
public sealed class ScoringSession
{
    private readonly TrainingData? data;
    private readonly ScoringOptions options;
    private readonly HashSet<LoraModuleScore> scores;

    /// <param name="data">The rows, as the dataset that a run learns from; null for scores of the weights alone.</param>
    /// <param name="options">What is taken, and how.</param>
    /// <exception cref="LoraException">Everything that is wrong with the options or the paths.</exception>
    public ScoringSession(TrainingData? data, ScoringOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        scores = [.. options.Score.Length > 0 ? options.Score : Enum.GetValues<LoraModuleScore>().Where(score => score.NeedsData() == data is not null)];
        List<LoraProblem> problems = [.. options.Check()];
        if (data is null && TakesRows)
        {
            string asked = string.Join(", ", scores.Where(score => score.NeedsData()));
            problems.Add(new(LoraError.DatasetNotGiven, null, $"and {asked} is taken of rows"));
        }

        if (data is not null)
        {
            Problems.Collect(problems, () => DatasetFiles.Of(data));
        }

        LoraException.ThrowIfAny(problems);
        this.data = data;
        this.options = options;
    }

    /// <summary>Whether any score is of rows.</summary>
    public bool TakesRows => scores.Any(score => score.NeedsData());

    /// <summary>Scores modules, in their order; each goes to the observer as a copy that has the scores.</summary>
    /// <param name="modules">Modules of Get-LoraModule, of one model or several.</param>
    /// <param name="observer">Who is told.</param>
    /// <param name="cancellation">Stops the work within a row or a matrix.</param>
    /// <exception cref="LoraException">A model, the rows or the device cannot be used, or OutOfMemory.</exception>
    /// <exception cref="OperationCanceledException">The work was stopped.</exception>
    public void Score(IReadOnlyList<LoraModuleInfo> modules, IScoringObserver observer, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentNullException.ThrowIfNull(observer);
        TorchLibrary.Load();
        using ThreadCount threads = ThreadCount.Use(options.Thread);
        foreach (IGrouping<string, LoraModuleInfo> model in modules.GroupBy(module => module.Model, StringComparer.Ordinal))
        {
            TorchMemoryFailure.Named(() =>
            {
                Score(model.Key, [.. model], observer, cancellation);
                return true;
            });
        }
    }

    private void Score(string model, LoraModuleInfo[] modules, IScoringObserver observer, CancellationToken cancellation)
    {
        IReadOnlyDictionary<string, ModuleScores> ofRows = TakesRows
            ? OfRows(model, modules, observer, cancellation) : new Dictionary<string, ModuleScores>();
        int without = 0;
        int done = 0;
        if (scores.Any(score => !score.NeedsData()))
        {
            new WeightScoring(model, scores).Score(modules, Give, cancellation);
        }
        else
        {
            Array.ForEach(modules, module => Give(module, default));
        }

        if (without > 0)
        {
            observer.OnWarning($"{without} of {modules.Length} modules have no score: only matrices of plain numbers have those of weights, and only linear layers those of rows.");
        }

        void Give(LoraModuleInfo module, ModuleScores ofWeight)
        {
            ModuleScores taken = ofWeight.With(Chosen(ofRows.GetValueOrDefault(module.Name)));
            without += taken == default ? 1 : 0;
            observer.Report(new("Scoring modules", ++done, modules.Length, WorkUnit.Module));
            observer.OnScored(module.With(taken));
        }
    }

    private ModuleScores Chosen(ModuleScores taken) => new()
    {
        Gradient = scores.Contains(LoraModuleScore.Gradient) ? taken.Gradient : null,
        Fisher = scores.Contains(LoraModuleScore.Fisher) ? taken.Fisher : null,
        Activation = scores.Contains(LoraModuleScore.Activation) ? taken.Activation : null,
    };

    private IReadOnlyDictionary<string, ModuleScores> OfRows(string model, LoraModuleInfo[] modules, IScoringObserver observer, CancellationToken cancellation)
    {
        string[] linear = [.. modules.Where(module => module.Kind is LoraModuleKind.Linear or LoraModuleKind.Conv1D).Select(module => module.Name).Distinct(StringComparer.Ordinal)];
        if (linear.Length == 0)
        {
            return new Dictionary<string, ModuleScores>();
        }

        // Refused by name before anything is loaded: a model that the engine cannot build, a module that cannot be adapted.
        LoraConfig config = new() { Model = model, Module = linear, Rank = options.Rank, Alpha = options.Rank };
        string folder = ModelTargets.Folder(config);
        ResolvedTargets resolved = ModelTargets.Resolve(config, folder, allowUnmatched: false);
        DateTimeOffset? clock = new ChosenTemplate(folder, options.Data.ChatTemplate, null).IsDated() ? TimeProvider.System.GetLocalNow() : null;
        ModelSource source = new(folder, WeightDigest.Of(folder), data!, options.Data, options.MaxLength, options.Device, options.DataType, LoraQuantization.None) { Clock = clock };
        using LoadedModel loaded = LoadedModel.Load(source, observer, cancellation);
        using AttachedAdapter adapter = new(loaded.Model, config, ModelTargets.ForAdapter(resolved), loaded.Model.Device, (ulong)options.Seed);
        using GradientScoring scoring = new(loaded.Model, adapter, scores.Contains(LoraModuleScore.Activation));
        int[] rows = Spread(loaded.Dataset.Count);
        observer.OnStage($"Taking the gradients of {rows.Length} of {loaded.Dataset.Count} rows at {linear.Length} modules");
        for (int index = 0; index < rows.Length; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (loaded.Dataset.Example(rows[index]) is TrainingExample row)
            {
                scoring.Add(loaded.Dataset.Masking?.Apply(row, (ulong)index) ?? row);
            }

            observer.Report(new("Taking gradients", index + 1, rows.Length, WorkUnit.Row));
        }

        loaded.LateWarnings().ToList().ForEach(observer.OnWarning);
        return scoring.Scores();
    }

    /// <summary>Numbers of rows, evenly over all of them.</summary>
    private int[] Spread(int count)
    {
        int taken = Math.Min(options.Sample, count);
        // In 64 bits: the product of two numbers of rows may be beyond an int.
        return [.. Enumerable.Range(0, taken).Select(index => (int)((long)index * count / taken))];
    }
}

/// <summary>Is told how scoring goes, on the thread that scores.</summary>
public interface IScoringObserver : IRunObserver
{
    /// <summary>A module has its scores.</summary>
    void OnScored(LoraModuleInfo scored);
}
