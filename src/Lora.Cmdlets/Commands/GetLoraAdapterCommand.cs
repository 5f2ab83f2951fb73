using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Describes adapters in PEFT's format: rank, alpha, modules, size. It reads configuration and header; weights only for -Detailed.</summary>
[Cmdlet(VerbsCommon.Get, "LoraAdapter", DefaultParameterSetName = AdapterSet, HelpUri = HelpAddress.Pages + "Get-LoraAdapter.md")]
[OutputType(typeof(LoraAdapterInfo))]
public sealed class GetLoraAdapterCommand : AdapterCmdlet
{
    /// <summary>Reads the weights too and gives the norm of each module's change.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    /// <inheritdoc/>
    private protected override void ProcessAdapter(AdapterSource source)
    {
        if (Reported(() => source.Describe(this, Detailed)) is LoraAdapterInfo info)
        {
            WriteObject(info);
        }
    }
}
