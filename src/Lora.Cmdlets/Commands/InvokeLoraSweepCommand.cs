using System.Collections;
using System.Globalization;
using System.Management.Automation;
using Lora.Training;

namespace Lora.Commands;

/// <summary>Trains many points, of the pipeline or of a grid, on one loaded model: to their ends, or by successive halving.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "LoraSweep", SupportsShouldProcess = true, HelpUri = HelpAddress.Pages + "Invoke-LoraSweep.md")]
[OutputType(typeof(LoraSweepResult))]
public sealed class InvokeLoraSweepCommand : TrainingCmdlet
{
    private readonly List<(PointArgument Input, LoraConfig? Config)> inputs = [];
    private int given;

    /// <summary>The points: configurations, or objects whose properties are parameters of New-LoraConfig and Invoke-LoraTraining.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Recorded<PointArgument>(Several = true)]
    public PointArgument[] InputObject { get; set; } = [];

    /// <summary>Names of parameters and their values: each combination is a point, or one with each point that was given.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public IDictionary? Grid { get; set; }

    /// <summary>Trains all points for a part of their steps, and only the best on, again and again.</summary>
    [Parameter]
    public SwitchParameter Halving { get; set; }

    /// <summary>One in so many points goes on, with so many times the steps.</summary>
    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int Factor { get; set; } = 4;

    /// <summary>The folder that has one for each point, with its adapter, and the record of the sweep.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        PathResolver paths = new(this);
        foreach (PointArgument input in InputObject)
        {
            given++;
            try
            {
                SweepValues.CheckNames(input.Values.Where(value => value.Name != SweepPoint.ConfigKey).Select(value => value.Name));
                // Only to refuse the point that cannot be, while it is at hand; all are read once more with the grid's values.
                SweepValues.Read(input.Values);
                inputs.Add((input, input.Value is null ? throw LoraException.Of(LoraError.ConfigNotGiven, null) : input.Config?.Read(paths)));
            }
            catch (LoraException exception)
            {
                WriteError(ErrorRecords.Of(exception, input.Value, string.Create(CultureInfo.InvariantCulture, $"{given}")));
            }
        }
    }

    /// <inheritdoc/>
    protected override void EndWork()
    {
        if (MyInvocation.ExpectingInput && given == 0) // an empty pipeline is no mistake
        {
            return;
        }

        if (given == 0 && Grid is null)
        {
            throw LoraException.Of(LoraError.SweepPointNotGiven, null, "no point comes through the pipeline, and -Grid names no values");
        }

        IReadOnlyList<IReadOnlyList<(string Name, object? Value)>> grid = Grid is null ? [[]] : SweepGrid.Of(Grid);
        PathResolver paths = new(this);
        string? folder = OutputPath is null ? null : paths.Destination(OutputPath);
        SweepPoint[] points = [.. Points(grid, paths).Where(point => IsMeant(point, folder))];
        if (points.Length == 0)
        {
            return;
        }

        if (folder is null)
        {
            WriteVerbose("Without -OutputPath the adapters are in the results only: a sweep that is stopped begins anew.");
        }

        SweepOptions options = new() { Factor = Halving ? Factor : null, OutputPath = folder, Resume = Resume, Overwrite = Force };
        RunOnWorker("Training LoRA adapter", (worker, cancellation) =>
        {
            using SweepSession session = new();
            session.Run(points, options, new SweepReport(worker, folder), cancellation);
        });
    }

    /// <summary>Every point that was given with every combination of the grid.</summary>
    private List<SweepPoint> Points(IReadOnlyList<IReadOnlyList<(string Name, object? Value)>> grid, PathResolver paths)
    {
        LoraConfig? named = Config?.Read(paths);
        string? model = BaseModel.Named(Model, Revision, paths);
        TrainingOptions options = Options(paths) with { Resume = false }; // whether a point is gone on with is the sweep's to say
        if (Halving || KeepBest || Patience is not null)
        {
            DatasetArgument.CheckOrder(ValidationDataset, BestBy);
        }

        List<SweepPoint> points = [];
        foreach ((PointArgument? input, LoraConfig? config) in given > 0 ? inputs.Select(input => ((PointArgument?)input.Input, input.Config)) : [(null, null)])
        {
            if (config is not null && named is not null)
            {
                throw LoraException.Of(LoraError.ConfigConflict, input!.Value, "a point that is a whole configuration and -Config both say what is adapted");
            }

            foreach (IReadOnlyList<(string Name, object? Value)> combination in grid)
            {
                points.Add(Point(config, config ?? named ?? new(), [.. input?.Values ?? [], .. combination], model, options, paths));
            }
        }

        return points;
    }

    private SweepPoint Point(LoraConfig? whole, LoraConfig start, IEnumerable<(string Name, object? Value)> given, string? model, TrainingOptions options, PathResolver paths)
    {
        IReadOnlyList<(string Parameter, string Property, object? Value)> values = SweepValues.Read(given);
        OrderedDictionary<string, object?> parameter = [];
        if (whole is not null)
        {
            parameter[SweepPoint.ConfigKey] = whole.ToString();
        }

        foreach ((string name, _, object? value) in values)
        {
            parameter[name] = value; // of a point and of the grid the grid's
        }

        object? Place(string name) => values.LastOrDefault(value => value.Parameter == name).Value;
        string[] dataset = Place(nameof(Dataset)) is object own ? (string[])LanguagePrimitives.ConvertTo(own, typeof(string[]), null) : Dataset;
        if (dataset.Length == 0)
        {
            throw LoraException.Of(LoraError.DatasetNotGiven, null, "-Dataset names none");
        }

        string? place = Place(nameof(Model)) is object other ? new ModelArgument { Value = other }.One(paths) : model;
        (LoraConfig changed, TrainingOptions trained) = SweepParameters.Apply(
            start, options, values.Where(value => !SweepValues.IsPlace(value.Property)).Select(value => KeyValuePair.Create(value.Property, value.Value)));
        return new(parameter, BaseModel.Fill(changed, place, paths), DatasetArgument.Data(dataset, DatasetWeight, ValidationDataset, paths), trained);
    }

    private bool IsMeant(SweepPoint point, string? folder) =>
        ShouldProcess(folder ?? point.Config.Model ?? "a model that is not known", $"Train point '{point.Name}', {point.Config}");
}
