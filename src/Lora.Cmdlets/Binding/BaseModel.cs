using Lora.Checkpoints;

namespace Lora.Commands;

/// <summary>Which base model is meant; it is asked for only where nothing knows it.</summary>
internal static class BaseModel
{
    /// <summary>The model that a configuration was made from or, for one from a file, the one that the file names, if that is a folder here or was downloaded.</summary>
    public static string? Of(LoraConfig config, PathResolver paths) =>
        config.Model is string model ? paths.Full(model)
        : config.BaseModelNameOrPath is string name ? paths.Folder(name) ?? HubCache.Find(name, config.Revision)
        : null;

    /// <summary>The model that a parameter names; null when it is not given.</summary>
    /// <exception cref="LoraException">What <see cref="ModelArgument.One"/> throws.</exception>
    public static string? Named(ModelArgument? argument, PathResolver paths) => argument?.Value is null ? null : argument.One(paths);

    /// <summary>The model that was named or, where none was, the first that one of some configurations knows.</summary>
    /// <exception cref="LoraException">ModelNotKnown.</exception>
    public static string Of(string? named, PathResolver paths, params IReadOnlyList<LoraConfig> configs) =>
        named
        ?? configs.Select(config => Of(config, paths)).FirstOrDefault(model => model is not null)
        ?? throw LoraException.Of(LoraError.ModelNotKnown, configs[0]);

    /// <summary>The configuration with its model, when that is named or known.</summary>
    public static LoraConfig Fill(LoraConfig config, string? named, PathResolver paths) =>
        config with { Model = named ?? Of(config, paths) };

    /// <summary>The adapter with its model, when that is named or known.</summary>
    public static LoraAdapter Fill(LoraAdapter adapter, string? named, PathResolver paths) =>
        adapter.With(Fill(adapter.Config, named, paths));
}
