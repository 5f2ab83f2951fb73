using System.Management.Automation;
using System.Reflection;

namespace Lora.Commands;

/// <summary>Tells where the objects of a cmdlet go.</summary>
internal static class ShownOutput
{
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly string[] Shows = ["Out-Default", "Out-Host"];

    /// <summary>Whether they are shown as they come on a terminal that follows escape sequences: nobody else sees them.</summary>
    /// <remarks>PowerShell tells no cmdlet where its pipe ends, though it knows. Where a version keeps it elsewhere, the answer is no, and objects are shown as any others.</remarks>
    public static bool IsTerminal(PSCmdlet cmdlet)
    {
        object? next = Inner(Inner(cmdlet.CommandRuntime, "OutputPipe"), "DownstreamCmdlet");
        return Inner(next, "CommandInfo") is CommandInfo command && Shows.Contains(command.Name, StringComparer.OrdinalIgnoreCase) && cmdlet.Host.UI.SupportsVirtualTerminal && !Console.IsOutputRedirected;
    }

    private static object? Inner(object? value, string name) => value?.GetType().GetProperty(name, Any)?.GetValue(value);
}
