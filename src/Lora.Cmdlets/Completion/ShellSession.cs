using System.Management.Automation;

namespace Lora.Commands;

/// <summary>What the session that asks for a completion knows: its variables and its location.</summary>
internal sealed class ShellSession
{
    private const string FileSystem = "FileSystem";

    // A completer is given no session; a script block of its own finds the one that it runs in.
    private readonly SessionState state = (SessionState)ScriptBlock.Create("$executionContext.SessionState").Invoke()[0].BaseObject;

    /// <summary>The value of a variable; null when there is none. Of drives only env: is read, since others may run something.</summary>
    public object? Variable(VariablePath path) => path switch
    {
        { IsVariable: true } => state.PSVariable.GetValue(path.UserPath),
        { IsDriveQualified: true } when path.DriveName.Equals("env", StringComparison.OrdinalIgnoreCase) =>
            Environment.GetEnvironmentVariable(path.UserPath[(path.UserPath.IndexOf(':', StringComparison.Ordinal) + 1)..]),
        _ => null,
    };

    /// <summary>The files and folders of the file system that a path names; one that is there to the letter is taken before its wildcards are.</summary>
    public IReadOnlyList<string> Paths(string path)
    {
        try
        {
            string full = state.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
            return provider.Name != FileSystem ? []
                : Path.Exists(full) ? [full]
                : WildcardPattern.ContainsWildcardCharacters(path) ? [.. state.Path.GetResolvedProviderPathFromPSPath(path, out _)]
                : [];
        }
        catch (SessionStateException)
        {
            // A drive that is not there: the base model of an adapter from another machine, say.
            return [];
        }
    }
}
