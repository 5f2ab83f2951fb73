using System.Management.Automation;
using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Describes adapters in PEFT's format: rank, alpha, modules, size. It reads configuration and header; weights only for -Detailed.</summary>
[Cmdlet(VerbsCommon.Get, "LoraAdapter", DefaultParameterSetName = PathSet, HelpUri = HelpAddress.Commands)]
[OutputType(typeof(LoraAdapterInfo))]
public sealed class GetLoraAdapterCommand : LoraCmdlet
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    /// <summary>Adapter folders; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>The same, with wildcard characters standing for themselves.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP", "FullName")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>Reads the weights too and gives the norm of each module's change.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        bool literal = ParameterSetName == LiteralPathSet;
        foreach (string folder in new PathResolver(this).Existing(literal ? LiteralPath : Path, literal))
        {
            try
            {
                WriteObject(AdapterInspector.Read(folder, Detailed));
            }
            catch (LoraException exception)
            {
                WriteError(exception);
            }
        }
    }
}
