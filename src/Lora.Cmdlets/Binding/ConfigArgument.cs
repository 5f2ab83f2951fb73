using System.Collections;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>
/// What a user gave where a configuration is meant: an object of New-LoraConfig, a result of Invoke-LoraTraining, an adapter or its description, a
/// hashtable with a configuration's names or PEFT's, the path of an adapter_config.json or of its folder, an object of such a file or folder, or what a job or JSON made of one of these.
/// </summary>
public sealed record ConfigArgument : Argument
{
    /// <summary>The configuration, which may have to be read.</summary>
    /// <exception cref="LoraException">ConfigNotGiven, NotAConfig, ConfigValueInvalid, PathNotFound, or what is wrong with the file.</exception>
    internal LoraConfig Read(PathResolver paths) => Value switch
    {
        null => throw LoraException.Of(LoraError.ConfigNotGiven, null),
        LoraConfig config => config,
        // Before other tables: PEFT's keys mean PEFT's defaults for what is not said, the module's names the module's.
        object value when PeftTable.Is(value) => PeftTable.Read(value, paths.Cmdlet),
        IDictionary entries => PropertyBag.ToConfig(entries),
        string path => ConfigFile.Read(NamedPlace.One(path, paths), paths.Cmdlet),
        object value when Members.Nested(value, "Config", "Adapter") is object inner => new ConfigArgument { Value = inner }.Read(paths),
        // Before its properties: an adapter's description has a Rank and an Alpha too, but says little else of its configuration.
        object value when Members.Path(value) is string path => ConfigFile.Read(paths.Literal(path), paths.Cmdlet),
        PSObject bag when PropertyBag.IsConfig(bag) => PropertyBag.ToConfig(bag),
        object value => throw LoraException.Of(LoraError.NotAConfig, value, value, WhyNot(value)),
    };

    private static string WhyNot(object value) => Members.IsDeserialized(value)
        ? $"of this {Members.Kind(value)} neither its configuration nor a folder came along"
        : TargetArgument.IsModule(value) ? "it is a module, of which New-LoraConfig makes one"
        : $"it is a {Members.Kind(value)}";
}
