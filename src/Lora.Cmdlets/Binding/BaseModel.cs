using Lora.Hub;

namespace Lora.Commands;

/// <summary>Which base model is meant; it is asked for only where nothing knows it.</summary>
internal static class BaseModel
{
    /// <summary>The model that a configuration was made from or, for one from a file, the one that the file names, if that is a folder here or in the cache.</summary>
    public static string? Of(LoraConfig config, PathResolver paths) =>
        config.Model is string model ? paths.Full(model)
        // As transformers has it: a folder of that name goes before what a hub calls so.
        : config.BaseModelNameOrPath is string name ? paths.Folder(name) ?? HubCache.Default.Find(name, config.Revision)
        : null;

    /// <summary>The model that -Model names; null when it is not given.</summary>
    /// <param name="argument">What -Model was given.</param>
    /// <param name="revision">What -Revision was given.</param>
    /// <param name="paths">Finds what paths name.</param>
    /// <exception cref="LoraException">What <see cref="ModelArgument.One"/> throws; ConfigConflict for a revision of no model.</exception>
    public static string? Named(ModelArgument? argument, string? revision, PathResolver paths) =>
        argument?.Value is not null ? argument.One(paths, revision)
        : revision is null ? null
        : throw LoraException.Of(LoraError.ConfigConflict, revision, $"-Revision '{revision}' is of a model that -Model names, and it names none");

    /// <summary>The model that was named or, where none was, the first that one of some configurations knows.</summary>
    /// <exception cref="LoraException">ModelNotKnown; of one that is named as a hub names it, ModelNotCached or RevisionNotCached.</exception>
    public static string Of(string? named, PathResolver paths, params IReadOnlyList<LoraConfig> configs) =>
        named
        ?? configs.Select(config => Of(config, paths)).FirstOrDefault(model => model is not null)
        ?? HubCache.Default.BaseOf(configs.FirstOrDefault(config => config.BaseModelNameOrPath is not null) ?? configs[0]);

    /// <summary>The configuration with its model, when that is named or known.</summary>
    public static LoraConfig Fill(LoraConfig config, string? named, PathResolver paths) =>
        config with { Model = named ?? Of(config, paths) };

    /// <summary>The adapter with its model, when that is named or known.</summary>
    public static LoraAdapter Fill(LoraAdapter adapter, string? named, PathResolver paths) =>
        adapter.With(Fill(adapter.Config, named, paths));
}
