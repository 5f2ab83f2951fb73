using System.Management.Automation;
using System.Reflection;

namespace Lora.Commands.Tests;

/// <summary>The cmdlets of the module, as reflection sees them.</summary>
internal static class Cmdlets
{
    public static IReadOnlyList<Type> Types { get; } =
        [.. typeof(LoraCmdlet).Assembly.GetExportedTypes().Where(type => type.IsDefined(typeof(CmdletAttribute)))];

    public static IReadOnlyList<string> Names { get; } = [.. Types.Select(Name)];

    public static IReadOnlyList<PropertyInfo> Parameters { get; } =
        [.. Types.SelectMany(type => type.GetProperties()).Where(property => property.IsDefined(typeof(ParameterAttribute)))];

    public static CmdletAttribute Attribute(Type cmdlet) => cmdlet.GetCustomAttribute<CmdletAttribute>()!;

    public static string Name(Type cmdlet) => $"{Attribute(cmdlet).VerbName}-{Attribute(cmdlet).NounName}";
}
