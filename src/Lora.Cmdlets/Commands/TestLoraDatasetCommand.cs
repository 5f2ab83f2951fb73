using System.Management.Automation;
using Lora.Training;

namespace Lora.Commands;

/// <summary>Shows each row of datasets as a model would learn from it, and what is wrong with it; no weights are read.</summary>
[Cmdlet(VerbsDiagnostic.Test, "LoraDataset", HelpUri = HelpAddress.Pages + "Test-LoraDataset.md")]
[OutputType(typeof(LoraDatasetRow), typeof(bool))]
public sealed class TestLoraDatasetCommand : DatasetCmdlet
{
    private readonly List<string> files = [];
    private PipelineRows? rows;

    /// <summary>The files to look at, and folders of files.</summary>
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Dataset { get; set; } = [];

    /// <summary>The rows to look at, as objects, in place of files; or files from the pipeline.</summary>
    [Parameter(ValueFromPipeline = true)]
    [Recorded<RowArgument>(Several = true)]
    [ValidateNotNullOrEmpty]
    public RowArgument[] Row { get; set; } = [];

    /// <summary>The model whose tokens and chat template are used.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public ModelArgument? Model { get; set; }

    /// <summary>The branch, tag or commit of a model that -Model names as a hub does.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    public string? Revision { get; set; }

    /// <summary>Files that are not learned from, several sets by their names: rows that stand in them too are problems.</summary>
    [Parameter]
    [Recorded<ValidationArgument>]
    [SupportsWildcards]
    public ValidationArgument? ValidationDataset { get; set; }

    /// <summary>Tokens of a row at the most.</summary>
    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int? MaxLength { get; set; }

    /// <summary>What the rows are for (PEFT's task_type), where the model's class does not say it.</summary>
    [Parameter]
    [ValidateSet("CAUSAL_LM", "SEQ_CLS", "TOKEN_CLS", "SEQ_2_SEQ_LM", "FEATURE_EXTRACTION")]
    public string? TaskType { get; set; }

    /// <summary>Gives true when no row has a problem, else false: one answer in place of all objects.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <inheritdoc/>
    protected override void BeginWork() => files.AddRange(new PathResolver(this).All(Dataset));

    /// <inheritdoc/>
    // Rows of one file are held against those of the others, so that files are looked at together.
    protected override void ProcessInput()
    {
        PathResolver paths = new(this);
        foreach (RowArgument given in Row)
        {
            if (given.Paths(paths) is IReadOnlyList<string> named)
            {
                files.AddRange(named);
            }
            else
            {
                rows ??= new();
                rows.Add(given.Value);
            }
        }
    }

    /// <inheritdoc/>
    protected override void EndWork()
    {
        if (files.Count == 0 && rows is null)
        {
            if (!MyInvocation.ExpectingInput)
            {
                throw LoraException.Of(LoraError.DatasetNotGiven, null, "neither by -Dataset nor by -Row");
            }

            return; // of an empty pipeline there is nothing to show
        }

        if (files.Count > 0 && rows is not null)
        {
            throw LoraException.Of(LoraError.ConfigConflict, files[0], "rows of files are looked at, or objects: both are given");
        }

        PathResolver paths = new(this);
        string model = BaseModel.Named(Model, Revision, paths) ?? throw LoraException.Of(LoraError.ModelNotKnown, null);
        // ValidateSet lets a task through in any case; PEFT's names are of capitals.
        DatasetInspection inspection = new(model, new(files, ValidationDataset?.Sets(paths) ?? []) { Rows = rows?.Rows }, Rows(paths), MaxLength, TaskType?.ToUpperInvariant());
        bool isGood = true;
        RunOnWorker("Testing dataset", (worker, cancellation) =>
        {
            InspectionReport report = new(worker);
            foreach (LoraDatasetRow row in inspection.Rows(report, cancellation))
            {
                if (!Quiet)
                {
                    worker.WriteNext(row);
                }
                else if (row.Problem is not null)
                {
                    isGood = false;
                    return;
                }
            }

            isGood = !report.HasFailed;
        });
        if (Quiet)
        {
            WriteObject(isGood);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            rows?.Dispose();
            rows = null;
        }
    }
}

/// <summary>Shows the reading of datasets in the shell, and remembers whether a file could not be read.</summary>
/// <param name="worker">Carries what is said to the pipeline's thread.</param>
internal sealed class InspectionReport(PipelineWorker worker) : WorkReport(worker)
{
    /// <summary>Whether anything failed.</summary>
    public bool HasFailed { get; private set; }

    /// <inheritdoc/>
    public override void OnFailure(LoraException failure)
    {
        HasFailed = true;
        base.OnFailure(failure);
    }
}
