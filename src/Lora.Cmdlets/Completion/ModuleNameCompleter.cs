using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Lora.Checkpoints;

namespace Lora.Commands;

/// <summary>Completes a module glob with what the model named before it has: roles (<c>q_proj</c>), or whole names once a dot is typed.</summary>
public sealed class ModuleNameCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        ArgumentNullException.ThrowIfNull(wordToComplete);
        ArgumentNullException.ThrowIfNull(fakeBoundParameters);
        string typed = wordToComplete.Trim('\'', '"');
        WildcardPattern pattern = new(typed + "*", WildcardOptions.IgnoreCase);
        IEnumerable<LoraModuleInfo> modules = (fakeBoundParameters["Path"] ?? fakeBoundParameters["LiteralPath"] ?? fakeBoundParameters["Model"]) is string path ? Modules(path) : [];
        return modules
            .Select(module => typed.Contains('.', StringComparison.Ordinal) ? module.Name : module.Role)
            .Distinct()
            .Where(pattern.IsMatch)
            .Select(name => new CompletionResult(name));
    }

    // A line that is still being typed is not the place for errors: what cannot be read completes to nothing.
    private static IReadOnlyList<LoraModuleInfo> Modules(string path)
    {
        try
        {
            return ModuleTree.Read(FullPath(path)).Modules;
        }
        catch (Exception exception) when (exception is LoraException or RuntimeException)
        {
            return [];
        }
    }

    // A completer has no session state of its own; a script block runs in the session that asks.
    private static string FullPath(string path) =>
        ScriptBlock.Create("$executionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($args[0])").Invoke(path)[0].ToString();
}
