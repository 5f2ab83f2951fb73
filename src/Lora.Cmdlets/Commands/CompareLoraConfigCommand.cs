using System.Management.Automation;
using Lora.Selection;

namespace Lora.Commands;

/// <summary>Compares what two configurations do to a model: modules, ranks, trained values, size of the adapter.</summary>
[Cmdlet(VerbsData.Compare, "LoraConfig", HelpUri = HelpAddress.Commands)]
[OutputType(typeof(LoraConfigComparison))]
public sealed class CompareLoraConfigCommand : LoraCmdlet
{
    /// <summary>The configuration to compare with.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public LoraConfig ReferenceConfig { get; set; } = new();

    /// <summary>The configuration to compare.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
    public LoraConfig DifferenceConfig { get; set; } = new();

    /// <summary>The model's folder, when the configurations do not know it.</summary>
    [Parameter]
    public string? Model { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        string model = Model is not null
            ? new PathResolver(this).One(Model)
            : DifferenceConfig.Model ?? ReferenceConfig.Model ?? throw LoraException.Of(LoraError.ModelNotKnown, DifferenceConfig);
        WriteObject(ConfigComparer.Compare(ReferenceConfig, DifferenceConfig, model));
    }
}
