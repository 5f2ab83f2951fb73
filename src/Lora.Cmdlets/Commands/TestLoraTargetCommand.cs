using System.Management.Automation;
using Lora.Selection;

namespace Lora.Commands;

/// <summary>Says what a configuration would do to each module and why, before anything is loaded.</summary>
[Cmdlet(VerbsDiagnostic.Test, "LoraTarget", HelpUri = HelpAddress.Pages + "Test-LoraTarget.md")]
[OutputType(typeof(LoraTargetInfo), typeof(bool), typeof(LoraTargetEntry))]
public sealed class TestLoraTargetCommand : LoraCmdlet
{
    private readonly List<LoraModuleInfo> modules = [];
    private bool isAnyTargeted;

    /// <summary>The modules to tell about, or the configurations to try.</summary>
    [Parameter(ValueFromPipeline = true)]
    [Recorded<TargetArgument>(Several = true)]
    public TargetArgument[] InputObject { get; set; } = [];

    /// <summary>The configuration to try.</summary>
    [Parameter(Position = 0)]
    [Recorded<ConfigArgument>]
    public ConfigArgument? Config { get; set; }

    /// <summary>The model, to tell about all of its modules; needed when the configuration does not know it.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public ModelArgument? Model { get; set; }

    /// <summary>The branch, tag or commit of a model that -Model names as a hub does.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    public string? Revision { get; set; }

    /// <summary>Gives what each entry of the configuration's lists hits, in place of the modules.</summary>
    [Parameter]
    public SwitchParameter Entry { get; set; }

    /// <summary>Gives true when at least one of the modules would be adapted, else false: one answer in place of all objects.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        foreach (TargetArgument input in InputObject)
        {
            if (input.Module is LoraModuleInfo module)
            {
                modules.Add(module);
            }
            else if (Config is not null)
            {
                throw LoraException.Of(LoraError.ConfigConflict, input.Value, "one configuration is tried: -InputObject and -Config both are one");
            }
            else
            {
                Tell(input.Config);
            }
        }
    }

    /// <inheritdoc/>
    protected override void EndWork()
    {
        if (modules.Count > 0)
        {
            TellOfModules();
        }
        else if (InputObject.Length == 0 && !MyInvocation.ExpectingInput)
        {
            Tell(Config ?? new());
        }

        if (Quiet)
        {
            WriteObject(isAnyTargeted);
        }
    }

    private void Tell(ConfigArgument argument)
    {
        PathResolver paths = new(this);
        string? model = BaseModel.Named(Model, Revision, paths);
        if (Reported(() => argument.Read(paths)) is LoraConfig config
            && Reported(() => Preview(config, BaseModel.Of(model, paths, config))) is TargetPreview preview)
        {
            Write(preview, _ => true);
        }
    }

    private void TellOfModules()
    {
        if (Model?.Value is not null)
        {
            throw LoraException.Of(LoraError.ConfigConflict, Model, "modules belong to their own model, and -Model names one");
        }

        PathResolver paths = new(this);
        LoraConfig config = (Config ?? new()).Read(paths);
        foreach (IGrouping<string, LoraModuleInfo> model in modules.GroupBy(module => module.Model, StringComparer.Ordinal))
        {
            HashSet<string> asked = new(model.Select(module => module.Name), StringComparer.Ordinal);
            Write(Preview(config, NamedPlace.OfModule(model.Key, paths)), target => asked.Contains(target.Name));
        }
    }

    private void Write(TargetPreview preview, Func<LoraTargetInfo, bool> isAsked)
    {
        if (Quiet)
        {
            isAnyTargeted |= preview.Targets.Any(target => target.Targeted && isAsked(target));
        }
        else
        {
            WriteObject(Entry ? preview.Entries : preview.Targets.Where(isAsked), enumerateCollection: true);
        }
    }

    private TargetPreview Preview(LoraConfig config, string model)
    {
        TargetPreview preview;
        try
        {
            preview = TargetPreview.Of(config, model);
        }
        catch (LoraException exception) when (Quiet && exception.Error == LoraError.NoTargets)
        {
            return new([], [], [], []); // that nothing is adapted is an answer and no failure
        }

        foreach (string warning in preview.Warnings.Select(warning => warning.Message).Concat(preview.Notes))
        {
            WriteWarning(warning);
        }

        return preview;
    }
}
