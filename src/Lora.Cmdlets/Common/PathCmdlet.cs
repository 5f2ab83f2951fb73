using System.Management.Automation;

namespace Lora.Commands;

/// <summary>A cmdlet that reads files or folders: -Path with wildcards, -LiteralPath without. A path that fails is reported, and the next one follows.</summary>
public abstract class PathCmdlet : AsyncLoraCmdlet
{
    /// <summary>The parameter set of -Path, the default one.</summary>
    protected const string PathSet = "Path";

    /// <summary>The parameter set of -LiteralPath.</summary>
    protected const string LiteralPathSet = "LiteralPath";

    /// <summary>What to read; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>The same, with wildcard characters standing for themselves.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP", "FullName")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>Reads what one path leads to and writes what it found.</summary>
    /// <param name="path">A full path that is there.</param>
    protected abstract void ProcessPath(string path);

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        bool literal = ParameterSetName == LiteralPathSet;
        foreach (string path in new PathResolver(this).Existing(literal ? LiteralPath : Path, literal))
        {
            try
            {
                ProcessPath(path);
            }
            catch (LoraException exception)
            {
                WriteError(exception);
            }
        }
    }
}
