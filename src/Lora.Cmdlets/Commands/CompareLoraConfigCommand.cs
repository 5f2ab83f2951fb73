using System.Management.Automation;
using Lora.Selection;

namespace Lora.Commands;

/// <summary>Compares what two configurations do to a model: modules, ranks, trained values, size of the adapter.</summary>
[Cmdlet(VerbsData.Compare, "LoraConfig", HelpUri = HelpAddress.Pages + "Compare-LoraConfig.md")]
[OutputType(typeof(LoraConfigComparison))]
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
    public ModelArgument? Model { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        PathResolver paths = new(this);
        LoraConfig reference = ReferenceConfig.Read(paths);
        if (Reported(() => DifferenceConfig.Read(paths)) is LoraConfig difference)
        {
            WriteObject(ConfigComparer.Compare(reference, difference, BaseModel.Of(BaseModel.Named(Model, paths), paths, difference, reference)));
        }
    }
}
