using System.Management.Automation;
using System.Security;
using Lora.Checkpoints;
using Lora.Hub;
using Lora.Selection;

namespace Lora.Commands;

/// <summary>Lists the modules of models: their names, kinds and shapes. It reads headers and config.json, no weights.</summary>
[Cmdlet(VerbsCommon.Get, "LoraModule", DefaultParameterSetName = ModelSet, HelpUri = HelpAddress.Pages + "Get-LoraModule.md")]
[OutputType(typeof(LoraModuleInfo))]
public sealed class GetLoraModuleCommand : PathCmdlet
{
    private const string ModelSet = "Model";

    private readonly HashSet<string> listed = new(StringComparer.Ordinal);
    private ModuleFilter filter = new([], []);

    /// <summary>The models: paths, with wildcards, or what knows its model.</summary>
    [Parameter(Position = 0, ParameterSetName = ModelSet, ValueFromPipeline = true)]
    [Recorded<ModelArgument>(Several = true)]
    [Alias("Path")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public ModelArgument[] Model { get; set; } = [];

    /// <summary>The branch, tag or commit of models that -Model names as hubs do.</summary>
    [Parameter(ParameterSetName = ModelSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    public string? Revision { get; set; }

    /// <summary>Asks a hub for the models that are named as hubs do: headers alone, and nothing is kept.</summary>
    [Parameter(ParameterSetName = ModelSet)]
    public SwitchParameter Remote { get; set; }

    /// <summary>The access token for -Remote, in place of the environment's.</summary>
    [Parameter(ParameterSetName = ModelSet)]
    [ValidateNotNull]
    public SecureString? Token { get; set; }

    /// <summary>Globs of the module names to list, for example <c>*_proj</c> or <c>model.layers.*.mlp.*</c>.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ModuleGlobCompleter))]
    public string[] Include { get; set; } = [];

    /// <summary>Globs of the module names to leave out.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ModuleGlobCompleter))]
    public string[] Exclude { get; set; } = [];

    /// <summary>The numbers of the blocks whose modules to list, counted from 0; modules outside the blocks have none.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    [ArgumentCompleter(typeof(LayerCompleter))]
    public int[]? Layer { get; set; }

    /// <summary>Lists every module that has parameters, of the kinds that LoRA does not adapt too.</summary>
    [Parameter]
    public SwitchParameter All { get; set; }

    /// <inheritdoc/>
    protected override void BeginWork()
    {
        filter = new ModuleFilter(Include, Exclude);
        if (Token is not null && !Remote)
        {
            throw LoraException.Of(LoraError.ConfigConflict, nameof(Token), "-Token is for a hub, which only -Remote asks");
        }
    }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        PathResolver paths = new(this);
        if (Remote && Model.Length > 0)
        {
            Array.ForEach(Model, model => ListRemote(model, paths));
            return;
        }

        foreach (string path in ParameterSetName == LiteralPathSet ? LiteralPaths(paths) : Paths(paths))
        {
            Listed(() => ModuleTree.Read(path), path);
        }
    }

    private IEnumerable<string> Paths(PathResolver paths) => Model.Length == 0
        ? throw LoraException.Of(LoraError.ModelNotKnown, null)
        // Each module of a pipeline names its model, which is listed once.
        : Model.SelectMany(model => (Reported(() => model.All(paths, Revision)) ?? []).Where(path => !model.IsModule || listed.Add(path)));

    /// <summary>Lists a model of a hub; what a path leads to is never taken for a name.</summary>
    private void ListRemote(ModelArgument model, PathResolver paths)
    {
        if (model.Value is not string name || paths.IsThere(name))
        {
            WriteWarning($"'{model}' is on this machine and is listed from here; -Remote asks a hub for names alone, and no path is taken for one.");
            Array.ForEach([.. Reported(() => model.All(paths, Revision)) ?? []], path => Listed(() => ModuleTree.Read(path), path));
            return;
        }

        Listed(() => Ask(new HubModel(name, Revision)), name);
    }

    private void Listed(Func<ModuleTree> read, string path)
    {
        if (Reported(read) is ModuleTree tree)
        {
            List(tree, path);
        }
    }

    private ModuleTree Ask(HubModel model)
    {
        ModuleTree? tree = null;
        HubOptions options = HubOptions.FromEnvironment(Token is null ? null : HubToken.Of(Token));
        RunOnWorker("Listing modules", (worker, cancellation) =>
        {
            using HubClient client = new(options, (why, wait) => worker.Write(HubWait.Record(why, wait)));
            tree = RemoteModel.ReadAsync(client, model, cancellation).GetAwaiter().GetResult();
        });
        return tree!;
    }

    private void List(ModuleTree tree, string path)
    {
        LoraModuleInfo[] all = [.. tree.Modules.Where(module => All || module.IsAdaptable())];
        LoraModuleInfo[] modules = Layer is null ? all : [.. all.Where(module => module.Layer is int layer && Layer.Contains(layer))];
        WarnOfLayers(path, all);
        ModuleFilterResult result = filter.Apply(modules.Select(module => module.Name));
        string[] names = [.. modules.Select(module => module.Name)];
        WarnOfMisses(filter.Include.Zip(result.IncludeHits), nameof(Include), path, names);
        WarnOfMisses(filter.Exclude.Zip(result.ExcludeHits), nameof(Exclude), path, names);

        HashSet<string> selected = [.. result.Selected];
        foreach (LoraModuleInfo module in modules.Where(module => selected.Contains(module.Name)))
        {
            WriteObject(module);
        }
    }

    private void WarnOfLayers(string path, LoraModuleInfo[] all)
    {
        int[] missing = [.. (Layer ?? []).Distinct().Where(layer => !all.Any(module => module.Layer == layer))];
        if (missing.Length > 0)
        {
            string blocks = all.Max(module => module.Layer) is int last ? $"its blocks are 0 to {last}" : "it has no numbered blocks";
            WriteWarning($"-Layer {string.Join(", ", missing)} is not in '{path}': {blocks}.");
        }
    }

    private void WarnOfMisses(IEnumerable<(ModulePattern Pattern, int Hits)> patterns, string parameter, string path, string[] names)
    {
        string blocks = Layer is null ? "" : $" in the blocks {string.Join(", ", Layer)}";
        string where = All ? $" '{path}'{blocks}" : $" '{path}'{blocks} of the kinds {LoraModuleKinds.Adaptable}; -All lists the others too";
        foreach ((ModulePattern pattern, int _) in patterns.Where(pair => pair.Hits == 0))
        {
            string hint = WiderPattern.Hint(pattern, names);
            WriteWarning(new LoraProblem(LoraError.TargetNotFound, pattern.Text, "-" + parameter, pattern.Text, where + hint).Message);
        }
    }
}
