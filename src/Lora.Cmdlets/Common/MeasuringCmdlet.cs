using System.Management.Automation;

namespace Lora.Commands;

/// <summary>A cmdlet that takes figures on rows: of files, or of objects that are given to -Row in their place.</summary>
public abstract class MeasuringCmdlet : DatasetCmdlet
{
    private PipelineRows? rows;

    /// <summary>The rows, as objects, in place of files.</summary>
    [Parameter]
    [Recorded<RowArgument>(Several = true)]
    [ValidateNotNullOrEmpty]
    public RowArgument[] Row { get; set; } = [];

    /// <summary>The rows that were given; null for none. Those that are objects are kept until the cmdlet is disposed.</summary>
    /// <param name="dataset">The files and folders that -Dataset names.</param>
    /// <param name="paths">Finds them.</param>
    /// <exception cref="LoraException">ConfigConflict: files and objects; RowInvalid, PathNotFound.</exception>
    private protected TrainingData? Data(string[] dataset, PathResolver paths)
    {
        if (Row.Length > 0 && dataset.Length > 0)
        {
            throw LoraException.Of(LoraError.ConfigConflict, dataset, "figures are taken on rows of files or on objects: -Dataset and -Row both name rows");
        }

        if (Row.Length == 0)
        {
            return dataset.Length > 0 ? new(paths.All(dataset), []) : null;
        }

        // A field: the rows lie in a temporary file until the work on them is done.
        rows = new();
        foreach (RowArgument row in Row)
        {
            rows.Add(row.Value);
        }

        return new([], []) { Rows = rows.Rows };
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
