using System.Collections;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Hub;
using Lora.Selection;

namespace Lora.Commands;

/// <summary>What is known about the modules that a command works on.</summary>
/// <param name="Modules">Every module of the model that has parameters.</param>
/// <param name="Containers">The names of modules that only hold others.</param>
/// <param name="ModelType"><c>model_type</c> of config.json.</param>
/// <param name="Chosen">The names that are meant among them: what was listed or piped, or what an adapter adapts.</param>
internal sealed record KnownModules(IReadOnlyList<LoraModuleInfo> Modules, IReadOnlyList<string> Containers, string? ModelType, IReadOnlyList<string> Chosen)
{
    // Of a long list of paths the first ones tell enough: the user waits.
    private const int MostPaths = 100;

    /// <summary>The modules that LoRA adapts.</summary>
    public IEnumerable<LoraModuleInfo> Adaptable => Modules.Where(module => module.IsAdaptable());

    /// <summary>The modules behind a value; null for a value that leads to none.</summary>
    /// <exception cref="LoraException">What it leads to cannot be read.</exception>
    public static KnownModules? Of(object? value, ShellSession session) => value switch
    {
        KnownModules known => known,
        string text => Joined(Places(text, session).Select(found => OfPath(found, session))),
        FileSystemInfo { Exists: true } path => OfPath(path.FullName, session),
        LoraModuleInfo module => OfModules([module]),
        LoraConfig config => OfConfig(config, session),
        LoraAdapter { Path: string folder } => OfPath(folder, session),
        LoraAdapter adapter => OfConfig(adapter.Config, session),
        LoraAdapterInfo adapter => OfAdapter(adapter, session),
        LoraAdapterEdit { Adapter: LoraAdapter adapter } => OfAdapter(AdapterInspector.Describe(adapter), session),
        LoraTrainingResult { Config: LoraConfig config } result => OfConfig(config with { Model = result.Model }, session),
        // The shell's own lists alone: the enumerator of another type would be code that runs.
        object?[] or ArrayList or List<object> => OfList([.. ((IEnumerable)value).Cast<object?>().Select(SyntaxReader.Unwrapped)], session),
        Hashtable config => Of(SyntaxReader.Unwrapped(config["Model"]), session),
        _ => null,
    };

    /// <summary>The same with other modules chosen: those of the kinds that LoRA adapts, or of all kinds, in all blocks or in some.</summary>
    public KnownModules Listed(bool all, params string[] layers) => this with
    {
        Chosen = [.. (all ? Modules : Adaptable).Where(module => layers.Length == 0 || layers.Contains($"{module.Layer}")).Select(module => module.Name)],
    };

    /// <summary>The same with those of the chosen modules that globs leave.</summary>
    public KnownModules Filtered(string[] include, string[] exclude) => this with { Chosen = new ModuleFilter(include, exclude).Apply(Chosen).Selected };

    /// <summary>The chosen modules that a configuration's targets hit; all of them when it has none, or none that hits.</summary>
    public IReadOnlyList<string> Targets(LoraConfig config)
    {
        if (config is { Module: null, TargetModule: null, TargetPattern: null })
        {
            return Chosen;
        }

        try
        {
            ResolvedTargets resolved = TargetResolver.Resolve(config, Modules, Containers, ModelType, allowUnmatched: true);
            return [.. resolved.Targets.Select(target => target.Module.Name)];
        }
        catch (LoraException)
        {
            return Chosen;
        }
    }

    /// <summary>What a path leads to or, where it leads nowhere, what the cache has of that name.</summary>
    private static string[] Places(string text, ShellSession session)
    {
        string[] found = [.. session.Paths(text).Select(path => CachedModel.At(path)?.Find(null) ?? path)];
        return found.Length == 0 && HubCache.Default.Find(text, null) is string cached ? [cached] : found;
    }

    private static KnownModules OfTree(string model)
    {
        ModuleTree tree = ModuleTree.Read(model);
        return new KnownModules(tree.Modules, tree.Containers, tree.ModelType, []).Listed(all: false);
    }

    private static KnownModules OfPath(string path, ShellSession session)
    {
        string folder = Path.GetFileName(path) == AdapterConfigJson.FileName ? Path.GetDirectoryName(path)! : path;
        return AdapterFolder.IsThere(folder) ? OfAdapter(AdapterInspector.Read(folder), session)
            : File.Exists(path) && AdapterFile.FormatOf(path) is not null ? OfAdapter(AdapterFile.Describe(path), session)
            : OfTree(path);
    }

    private static KnownModules OfAdapter(LoraAdapterInfo adapter, ShellSession session)
    {
        KnownModules model = OfModel(adapter.BaseModel, session) ?? new([], [], null, []);
        return model with { Chosen = [.. adapter.Module.Select(module => module.Name)] };
    }

    private static KnownModules? OfConfig(LoraConfig config, ShellSession session)
    {
        KnownModules? model = OfModel(config.Model ?? config.BaseModelNameOrPath, session);
        return model is null ? null : model with { Chosen = model.Targets(config) };
    }

    private static KnownModules? OfModel(string? model, ShellSession session) =>
        model is not null && Places(model, session) is [string path] ? OfTree(path) : null;

    private static KnownModules? OfList(object?[] values, ShellSession session) =>
        values.Length > 0 && values.All(value => value is LoraModuleInfo)
            ? OfModules([.. values.Cast<LoraModuleInfo>()])
            : Joined(values.Select(value => Of(value, session)));

    // What the session holds is listed already; the rest of its model is read where it is still there.
    private static KnownModules OfModules(IReadOnlyList<LoraModuleInfo> modules)
    {
        KnownModules given = new(modules, [], null, []);
        KnownModules model = Joined(modules.Select(module => module.Model).Distinct().Where(Path.Exists).Select(OfTree)) ?? given;
        return model with { Chosen = [.. modules.Select(module => module.Name)] };
    }

    private static KnownModules? Joined(IEnumerable<KnownModules?> several)
    {
        KnownModules[] known = [.. several.Take(MostPaths).OfType<KnownModules>()];
        return known switch
        {
            [] => null,
            [KnownModules only] => only,
            _ => new(
                [.. known.SelectMany(one => one.Modules).DistinctBy(module => module.Name)],
                [.. known.SelectMany(one => one.Containers).Distinct()],
                known[0].ModelType,
                [.. known.SelectMany(one => one.Chosen).Distinct()]),
        };
    }
}
