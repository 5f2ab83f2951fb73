using System.Management.Automation;
using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Describes adapters in PEFT's format: rank, alpha, modules, size. It reads configuration and header; weights only for -Detailed.</summary>
[Cmdlet(VerbsCommon.Get, "LoraAdapter", DefaultParameterSetName = PathSet, HelpUri = HelpAddress.Commands)]
[OutputType(typeof(LoraAdapterInfo))]
public sealed class GetLoraAdapterCommand : PathCmdlet
{
    /// <summary>Reads the weights too and gives the norm of each module's change.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    /// <inheritdoc/>
    protected override void ProcessPath(string path) => WriteObject(AdapterInspector.Read(path, Detailed));
}
