using System.Management.Automation;

namespace Lora.Commands.Tests;

/// <summary>What a script said.</summary>
public sealed record ShellResult(
    IReadOnlyList<PSObject> Output,
    IReadOnlyList<ErrorRecord> Errors,
    IReadOnlyList<string> Warnings,
    IReadOnlyList<ProgressRecord> Progress,
    PSInvocationState State)
{
    /// <summary>The output as text, one string an object.</summary>
    public IEnumerable<string> Texts => Output.Select(value => value?.ToString() ?? "");

    /// <summary>The ids of the errors, of those that ended a command too.</summary>
    public IEnumerable<string> ErrorIds => Errors.Select(error => error.FullyQualifiedErrorId);

    /// <summary>Fails when anything went wrong.</summary>
    public ShellResult Succeeded()
    {
        Assert.Empty(Errors);
        return this;
    }
}
