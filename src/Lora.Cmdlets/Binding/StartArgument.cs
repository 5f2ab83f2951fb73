using Lora.Adapters;

namespace Lora.Commands;

/// <summary>
/// What a user gave for a training to start from: what <see cref="AdapterArgument"/> takes for an adapter is gone on with, what
/// <see cref="ConfigArgument"/> takes for a configuration begins anew. A result has both and is gone on with; an adapter_config.json is a configuration.
/// </summary>
public sealed record StartArgument : Argument
{
    /// <summary>The adapter; null for a configuration.</summary>
    /// <exception cref="LoraException">ConfigNotGiven, PathNotFound or PathAmbiguous.</exception>
    internal AdapterArgument? Adapter(PathResolver paths)
    {
        object value = Value ?? throw LoraException.Of(LoraError.ConfigNotGiven, null);
        string? path = value is string typed ? paths.One(typed) : Members.Path(value);
        bool isAdapter = value is LoraAdapter or LoraTrainingResult
            || Members.Nested(value, "Adapter") is not null
            || (path is not null && (!File.Exists(path) || Path.GetFileName(path) == AdapterFolder.WeightsName));
        return isAdapter ? new() { Value = Value } : null;
    }

    /// <summary>The configuration, when it is no adapter.</summary>
    internal ConfigArgument Config => new() { Value = Value };
}
