using System.Collections;
using Lora.Hub;

namespace Lora.Commands;

/// <summary>
/// What a user gave where a model is meant: the path of its folder, of a safetensors file or of a shard index, the name of one that is in the cache of
/// Hugging Face's tools, an object of such a file or folder, a module of Get-LoraModule, or what knows its model: a configuration, a result of Invoke-LoraTraining,
/// an adapter or its description.
/// </summary>
public sealed record ModelArgument : Argument
{
    /// <summary>Whether a module was given: all modules of a model mean it once.</summary>
    internal bool IsModule => Value is object value && TargetArgument.IsModule(value);

    /// <summary>Full paths of the models, which are there.</summary>
    /// <param name="paths">Finds what paths name.</param>
    /// <param name="revision">The branch, tag or commit of models that are named as hubs name them; null for main.</param>
    /// <exception cref="LoraException">ModelNotKnown, NotAModel, or what <see cref="NamedPlace.All"/> throws.</exception>
    internal IReadOnlyList<string> All(PathResolver paths, string? revision = null) => Value switch
    {
        null => throw LoraException.Of(LoraError.ModelNotKnown, null),
        string text => NamedPlace.All(text, paths, revision),
        IList list => [.. list.Cast<object?>().SelectMany(item => new ModelArgument { Value = Plain(item) }.All(paths, revision)).Distinct(StringComparer.Ordinal)],
        LoraConfig config => [HubCache.Resolve(BaseModel.Of(null, paths, config), revision)],
        object value => [HubCache.Resolve(Of(value, paths), revision)],
    };

    /// <summary>The one model that is meant.</summary>
    /// <exception cref="LoraException">As of <see cref="All"/>, or PathAmbiguous.</exception>
    internal string One(PathResolver paths, string? revision = null) => All(paths, revision) switch
    {
        [string only] => only,
        { Count: int count } => throw LoraException.Of(LoraError.PathAmbiguous, Value, Value, count),
    };

    private static string Of(object value, PathResolver paths) =>
        Members.Text(value, "Model") is string model ? NamedPlace.OfModule(model, paths)
        : Members.Nested(value, "Config", "Adapter") is object inner ? new ModelArgument { Value = inner }.One(paths)
        : Members.Text(value, "BaseModelNameOrPath", "BaseModel") is string name
            ? BaseModel.Of(null, paths, new LoraConfig { BaseModelNameOrPath = name, Revision = Members.Text(value, "Revision") })
        // It could know a model and does not: its path is an adapter's, which must not be taken for a model's.
        : Members.Has(value, "Model", "BaseModel") ? throw LoraException.Of(LoraError.ModelNotKnown, value)
        : Members.Path(value) is string path ? paths.Literal(path)
        : throw LoraException.Of(LoraError.NotAModel, value, value, $"it is a {Members.Kind(value)}");
}
