using System.Management.Automation;
using Lora.Selection;

namespace Lora.Commands;

/// <summary>Says what a configuration would do to each module and why, before anything is loaded.</summary>
[Cmdlet(VerbsDiagnostic.Test, "LoraTarget", DefaultParameterSetName = ModuleSet, HelpUri = HelpAddress.Commands)]
[OutputType(typeof(LoraTargetInfo), ParameterSetName = [ModuleSet, ModelSet])]
[OutputType(typeof(TargetEntry), ParameterSetName = [EntrySet])]
public sealed class TestLoraTargetCommand : LoraCmdlet
{
    private const string ModuleSet = "Module";
    private const string ModelSet = "Model";
    private const string EntrySet = "Entry";

    private readonly List<LoraModuleInfo> modules = [];

    /// <summary>The modules to tell about.</summary>
    [Parameter(ParameterSetName = ModuleSet, Mandatory = true, ValueFromPipeline = true)]
    public LoraModuleInfo[] InputObject { get; set; } = [];

    /// <summary>The configuration to try.</summary>
    [Parameter(ParameterSetName = ModuleSet, Mandatory = true, Position = 0)]
    [Parameter(ParameterSetName = ModelSet, Mandatory = true, Position = 0)]
    [Parameter(ParameterSetName = EntrySet, Mandatory = true, Position = 0)]
    public LoraConfig Config { get; set; } = new();

    /// <summary>The model's folder, to tell about all of its modules.</summary>
    [Parameter(ParameterSetName = ModelSet, Mandatory = true)]
    [Parameter(ParameterSetName = EntrySet, Mandatory = true)]
    public string Model { get; set; } = "";

    /// <summary>Gives what each entry of the configuration's lists hits, in place of the modules.</summary>
    [Parameter(ParameterSetName = EntrySet, Mandatory = true)]
    public SwitchParameter Entry { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput() => modules.AddRange(InputObject);

    /// <inheritdoc/>
    protected override void EndWork()
    {
        if (ParameterSetName != ModuleSet)
        {
            TargetPreview preview = Preview(new PathResolver(this).One(Model));
            WriteObject(Entry ? preview.Entries : preview.Targets, enumerateCollection: true);
            return;
        }

        foreach (IGrouping<string, LoraModuleInfo> model in modules.GroupBy(module => module.Model, StringComparer.Ordinal))
        {
            HashSet<string> asked = new(model.Select(module => module.Name), StringComparer.Ordinal);
            WriteObject(Preview(model.Key).Targets.Where(target => asked.Contains(target.Name)), enumerateCollection: true);
        }
    }

    private TargetPreview Preview(string model)
    {
        TargetPreview preview = TargetPreview.Of(Config, model);
        foreach (string warning in preview.Warnings.Select(warning => warning.Message).Concat(preview.Notes))
        {
            WriteWarning(warning);
        }

        return preview;
    }
}
