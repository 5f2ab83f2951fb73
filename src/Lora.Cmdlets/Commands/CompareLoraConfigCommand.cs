using System.Management.Automation;
using Lora.Selection;

namespace Lora.Commands;

/// <summary>Names the modules of a model that two configurations treat differently; with -Summary, what that comes to in values and bytes.</summary>
[Cmdlet(VerbsData.Compare, "LoraConfig", HelpUri = HelpAddress.Pages + "Compare-LoraConfig.md")]
[OutputType(typeof(LoraConfigDifference), typeof(LoraConfigComparison))]
public sealed class CompareLoraConfigCommand : LoraCmdlet
{
    /// <summary>The configuration to compare with.</summary>
    [Parameter(Position = 0)]
    [Recorded<ConfigArgument>]
    public ConfigArgument ReferenceConfig { get; set; } = new();

    /// <summary>The configuration to compare.</summary>
    [Parameter(Position = 1, ValueFromPipeline = true)]
    [Recorded<ConfigArgument>]
    public ConfigArgument DifferenceConfig { get; set; } = new();

    /// <summary>The model, when the configurations do not know it.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public ModelArgument? Model { get; set; }

    /// <summary>The branch, tag or commit of a model that -Model names as a hub does.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    public string? Revision { get; set; }

    /// <summary>Gives one object for the two, with counts and sizes, in place of one for each module that differs.</summary>
    [Parameter]
    public SwitchParameter Summary { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        PathResolver paths = new(this);
        LoraConfig reference = ReferenceConfig.Read(paths);
        if (Reported(() => DifferenceConfig.Read(paths)) is LoraConfig difference)
        {
            LoraConfigComparison comparison = ConfigComparer.Compare(reference, difference, BaseModel.Of(BaseModel.Named(Model, Revision, paths), paths, difference, reference));
            WriteVerbose($"{comparison}.");
            WriteObject(Summary ? comparison : comparison.Difference, enumerateCollection: true);
        }
    }
}
