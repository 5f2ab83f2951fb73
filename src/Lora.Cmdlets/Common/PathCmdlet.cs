using System.Management.Automation;

namespace Lora.Commands;

/// <summary>A cmdlet that reads what one parameter names in any form, or -LiteralPath to the letter.</summary>
public abstract class PathCmdlet : AsyncLoraCmdlet
{
    /// <summary>The parameter set of -LiteralPath.</summary>
    protected internal const string LiteralPathSet = "LiteralPath";

    /// <summary>Paths to read, with wildcard characters standing for themselves.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP", "FullName")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>The paths of -LiteralPath that are there. One that is not is reported, and the next one follows.</summary>
    private protected IEnumerable<string> LiteralPaths(PathResolver paths) =>
        LiteralPath.Select(path => Reported(() => paths.Literal(path))).OfType<string>();
}
