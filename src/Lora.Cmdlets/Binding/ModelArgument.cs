using System.Collections;
using Lora.Checkpoints;

namespace Lora.Commands;

/// <summary>
/// What a user gave where a model is meant: the path of its folder, of a safetensors file or of a shard index, the id of one that Hugging Face's tools have
/// downloaded, an object of such a file or folder, a module of Get-LoraModule, or what knows its model: a configuration, a result of Invoke-LoraTraining,
/// an adapter or its description.
/// </summary>
public sealed record ModelArgument : Argument
{
    /// <summary>Whether a module was given: all modules of a model mean it once.</summary>
    internal bool IsModule => Value is object value && TargetArgument.IsModule(value);

    /// <summary>Full paths of the models, which are there.</summary>
    /// <exception cref="LoraException">ModelNotKnown, NotAModel or PathNotFound.</exception>
    internal IReadOnlyList<string> All(PathResolver paths) => Value switch
    {
        null => throw LoraException.Of(LoraError.ModelNotKnown, null),
        string path => paths.Folder(path) is null && HubCache.Find(path) is string downloaded ? [downloaded] : paths.All(path),
        LoraConfig config => [BaseModel.Of(config, paths) ?? throw LoraException.Of(LoraError.ModelNotKnown, config)],
        IList list => [.. list.Cast<object?>().SelectMany(item => new ModelArgument { Value = Plain(item) }.All(paths)).Distinct(StringComparer.Ordinal)],
        object value => [Of(value, paths)],
    };

    /// <summary>The one model that is meant.</summary>
    /// <exception cref="LoraException">As of <see cref="All"/>, or PathAmbiguous.</exception>
    internal string One(PathResolver paths) => All(paths) switch
    {
        [string only] => only,
        { Count: int count } => throw LoraException.Of(LoraError.PathAmbiguous, Value, Value, count),
    };

    private static string Of(object value, PathResolver paths) =>
        Members.Text(value, "Model") is string model ? paths.Literal(model)
        : Members.Nested(value, "Config", "Adapter") is object inner ? new ModelArgument { Value = inner }.One(paths)
        : Members.Text(value, "BaseModelNameOrPath", "BaseModel") is string name && paths.Folder(name) is string folder ? folder
        : Members.Has(value, "Model", "BaseModel") ? throw LoraException.Of(LoraError.ModelNotKnown, value)
        : Members.Path(value) is string path ? paths.Literal(path)
        : throw LoraException.Of(LoraError.NotAModel, value, value, $"it is a {Members.Kind(value)}");
}
