using System.Management.Automation;
using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Says whether the programs that read PEFT's adapters load one rightly, and which field or module is in the way.</summary>
[Cmdlet(VerbsDiagnostic.Test, "LoraAdapter", DefaultParameterSetName = AdapterSet, HelpUri = HelpAddress.Pages + "Test-LoraAdapter.md")]
[OutputType(typeof(LoraClientReport), typeof(bool))]
public sealed class TestLoraAdapterCommand : AdapterCmdlet
{
    /// <summary>The programs to ask about; all that are known without it.</summary>
    [Parameter]
    public LoraClient[] Client { get; set; } = Enum.GetValues<LoraClient>();

    /// <summary>The base model, for what depends on it, when the adapter does not know it.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public ModelArgument? Model { get; set; }

    /// <summary>The branch, tag or commit of a model that -Model names as a hub does.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    public string? Revision { get; set; }

    /// <summary>Gives true when all of the programs load the adapter rightly, and false otherwise, in place of the reports.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <inheritdoc/>
    private protected override void ProcessAdapter(AdapterSource source)
    {
        PathResolver paths = new(this);
        LoraClientReport[]? reports = Reported(() =>
        {
            LoraAdapter adapter = source.Load(this);
            return ClientCheck.Of(adapter, Client, BaseModel.Named(Model, Revision, paths) ?? BaseModel.Of(adapter.Config, paths)).ToArray();
        });
        if (reports is not null)
        {
            WriteObject(Quiet ? reports.All(report => report.Outcome == LoraClientOutcome.Right) : reports, enumerateCollection: true);
        }
    }
}
