using System.Collections;
using System.Management.Automation;
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
        string? path = value is string typed ? NamedPlace.One(typed, paths) : Members.Path(value);
        // A folder is an adapter, though it holds a configuration too; of its files the weights alone are one.
        bool isAdapter = value is LoraAdapter or LoraTrainingResult
            || Members.Nested(value, "Adapter") is not null
            || (path is not null && (!File.Exists(path) || Path.GetFileName(path) == AdapterFolder.WeightsName));
        return isAdapter ? new() { Value = Value } : null;
    }

    /// <summary>Whether it may be what training starts from: what the module makes, a path, an object that lies at one, or a table with a configuration's names.</summary>
    internal bool IsStart => Value switch
    {
        string or FileSystemInfo => true,
        null => false,
        object value when !RowJson.IsRow(value) => value.GetType().Namespace?.StartsWith(nameof(Lora), StringComparison.Ordinal) == true,
        object value when PeftTable.Is(value) || Members.Kind(value).StartsWith("Lora.", StringComparison.Ordinal) => true,
        // A row of a dataset is a table too: only one that has nothing but a configuration's names is taken for a configuration.
        IDictionary table => table.Count > 0 && table.Keys.Cast<object>().All(key => Array.Exists(typeof(LoraConfig).GetProperties(), property => property.Name.Equals($"{key}", StringComparison.OrdinalIgnoreCase))),
        PSObject bag => PropertyBag.IsConfig(bag),
        _ => false,
    };

    /// <summary>The configuration, when it is no adapter.</summary>
    internal ConfigArgument Config => new() { Value = Value };
}
