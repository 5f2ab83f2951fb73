using System.Management.Automation;
using Lora.Training;

namespace Lora.Commands;

/// <summary>Scores modules by their weights, or by a pass over rows; the same modules go on with the scores in their properties.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "LoraModule", HelpUri = HelpAddress.Pages + "Measure-LoraModule.md")]
[OutputType(typeof(LoraModuleInfo))]
public sealed class MeasureLoraModuleCommand : MeasuringCmdlet
{
    private static readonly ScoringOptions Defaults = new();

    private readonly List<LoraModuleInfo> modules = [];

    /// <summary>The modules, as Get-LoraModule lists them.</summary>
    [Parameter(ValueFromPipeline = true)]
    [Recorded<TargetArgument>(Several = true)]
    public TargetArgument[] InputObject { get; set; } = [];

    /// <summary>The files whose rows are learned from, and folders of files.</summary>
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Dataset { get; set; } = [];

    /// <summary>The scores to take.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public LoraModuleScore[] Score { get; set; } = Defaults.Score;

    /// <summary>Rows that are looked at, at the most, spread evenly over the dataset.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Sample { get; set; } = Defaults.Sample;

    /// <summary>The rank of the adapter whose gradient is taken.</summary>
    [Parameter]
    [Alias("r")]
    [ValidateRange(1, int.MaxValue)]
    public int Rank { get; set; } = Defaults.Rank;

    /// <summary>Seed of that adapter's A.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int Seed { get; set; } = Defaults.Seed;

    /// <summary>Tokens of a row at the most.</summary>
    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int? MaxLength { get; set; }

    /// <summary>auto, cpu, cuda or cuda:N.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(DeviceCompleter))]
    public string Device { get; set; } = Defaults.Device;

    /// <summary>The dtype of the weights.</summary>
    [Parameter]
    public TrainingDataType DataType { get; set; } = Defaults.DataType;

    /// <summary>Threads that compute.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Thread { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        foreach (TargetArgument input in InputObject)
        {
            if (input.Module is LoraModuleInfo module)
            {
                modules.Add(Placed(module));
            }
            else
            {
                WriteError(LoraException.Of(LoraError.NotAModule, input.Value, input.Value));
            }
        }
    }

    /// <summary>A module with the place of its model; of one that was listed from a hub that is where Install-LoraModel puts it.</summary>
    private LoraModuleInfo Placed(LoraModuleInfo module) => module.Model.Length == 0 || Path.IsPathFullyQualified(module.Model)
        ? module
        : module.At(NamedPlace.OfModule(module.Model, new PathResolver(this)));

    /// <inheritdoc/>
    protected override void EndWork()
    {
        if (modules.Count == 0)
        {
            // An empty pipeline gives nothing; a command that names nothing is a mistake.
            if (!MyInvocation.ExpectingInput && InputObject.Length == 0)
            {
                throw LoraException.Of(LoraError.NotAModule, null, "nothing");
            }

            return;
        }

        PathResolver paths = new(this);
        ScoringSession session = new(Data(Dataset, paths), new()
        {
            Score = Score,
            Sample = Sample,
            Rank = Rank,
            Seed = Seed,
            Data = Rows(paths),
            MaxLength = MaxLength,
            Device = Device,
            DataType = DataType,
            Thread = Thread,
        });
        RunOnWorker("Measuring LoRA modules", (worker, cancellation) => session.Score(modules, new ScoringReport(worker, session.TakesRows), cancellation));
    }
}

/// <summary>Shows scoring in the shell: what any work shows, and each module as it has its scores.</summary>
/// <param name="worker">Carries what is said to the pipeline's thread.</param>
/// <param name="isByRow">Whether scores of rows are taken.</param>
internal sealed class ScoringReport(PipelineWorker worker, bool isByRow) : WorkReport(worker), IScoringObserver
{
    /// <inheritdoc/>
    public void OnScored(LoraModuleInfo scored)
    {
        // The table shows the scores that were asked for, one table also where a module has none: Lora.Format.ps1xml has a view for each mark.
        PSObject marked = new(scored);
        marked.TypeNames.Insert(0, $"{typeof(LoraModuleInfo).FullName}#{(isByRow ? "ScoredByRow" : "ScoredByWeight")}");
        Worker.Write(new PipelineRecord.Output(marked));
    }
}
