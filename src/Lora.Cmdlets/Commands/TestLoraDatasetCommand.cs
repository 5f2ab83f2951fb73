using System.Management.Automation;
using Lora.Training;

namespace Lora.Commands;

/// <summary>Shows each row of datasets as a model would learn from it, and what is wrong with it; no weights are read.</summary>
[Cmdlet(VerbsDiagnostic.Test, "LoraDataset", HelpUri = HelpAddress.Pages + "Test-LoraDataset.md")]
[OutputType(typeof(LoraDatasetRow), typeof(bool))]
public sealed class TestLoraDatasetCommand : DatasetCmdlet
{
    private readonly List<string> files = [];

    /// <summary>The files to look at, and folders of files.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "FullName")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Dataset { get; set; } = [];

    /// <summary>The rows to look at, as objects, in place of files.</summary>
    [Parameter]
    [Recorded<RowArgument>(Several = true)]
    [ValidateNotNullOrEmpty]
    public RowArgument[] Row { get; set; } = [];

    /// <summary>The model whose tokens and chat template are used.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    public ModelArgument? Model { get; set; }

    /// <summary>Files that are not learned from, several sets by their names: rows that stand in them too are problems.</summary>
    [Parameter]
    [Recorded<ValidationArgument>]
    [SupportsWildcards]
    public ValidationArgument? ValidationDataset { get; set; }

    /// <summary>Tokens of a row at the most.</summary>
    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int? MaxLength { get; set; }

    /// <summary>Gives true when no row has a problem, else false: one answer in place of all objects.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <inheritdoc/>
    // Rows of one file are held against those of the others, so that files are looked at together.
    protected override void ProcessInput() => files.AddRange(new PathResolver(this).All(Dataset));

    /// <inheritdoc/>
    protected override void EndWork()
    {
        if (files.Count == 0 && Row.Length == 0)
        {
            if (MyInvocation.ExpectingInput)
            {
                return; // an empty pipeline
            }

            throw LoraException.Of(LoraError.DatasetNotGiven, null, "neither by -Dataset nor by -Row");
        }

        if (files.Count > 0 && Row.Length > 0)
        {
            throw LoraException.Of(LoraError.ConfigConflict, Dataset, "rows of files are looked at or objects: -Dataset and -Row both name rows");
        }

        PathResolver paths = new(this);
        using PipelineRows given = new();
        foreach (RowArgument row in Row)
        {
            given.Add(row.Value);
        }

        string model = BaseModel.Named(Model, paths) ?? throw LoraException.Of(LoraError.ModelNotKnown, null);
        DatasetInspection inspection = new(model, new(files, ValidationDataset?.Sets(paths) ?? []) { Rows = Row.Length > 0 ? given.Rows : null }, Rows(paths), MaxLength);
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
