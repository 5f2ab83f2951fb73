using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace Lora.Shell;

/// <summary>Objects go to the standard output; errors, warnings and progress to the standard error.</summary>
internal sealed class ShellInterface : PSHostUserInterface
{
    private readonly ProgressLine progress = new(Console.Error, Console.IsErrorRedirected);

    public override PSHostRawUserInterface RawUI { get; } = new ShellRawInterface();

    public override bool SupportsVirtualTerminal => !Console.IsOutputRedirected;

    /// <summary>Where formatted objects go.</summary>
    public TextWriter Output { get; set; } = Console.Out;

    public void ClearProgress() => progress.Clear();

    public override void Write(string value)
    {
        progress.Clear();
        Output.Write(GetOutputString(value, SupportsVirtualTerminal));
    }

    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Write(value);

    public override void WriteLine(string value) => Write(value + Environment.NewLine);

    public override void WriteErrorLine(string value) => Report(value);

    public override void WriteWarningLine(string message) => Report("WARNING: " + message);

    public override void WriteVerboseLine(string message) => Report("VERBOSE: " + message);

    public override void WriteDebugLine(string message) => Report("DEBUG: " + message);

    public override void WriteProgress(long sourceId, ProgressRecord record) => progress.Show(record);

    public override string ReadLine() => Console.ReadLine() ?? "";

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        string[] labels = [.. choices.Select(choice => choice.Label.Replace("&", "", StringComparison.Ordinal))];
        Report($"{caption}{Environment.NewLine}{message}{Environment.NewLine}{string.Join("  ", labels)} (default: {labels[Math.Max(defaultChoice, 0)]})");
        while (Console.ReadLine() is { Length: > 0 } answer)
        {
            int chosen = Array.FindIndex(labels, label => label.StartsWith(answer, StringComparison.OrdinalIgnoreCase));
            if (chosen >= 0)
            {
                return chosen;
            }
        }

        return defaultChoice;
    }

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) =>
        throw new HostException($"{message} This shell does not ask for values; give {string.Join(", ", descriptions.Select(field => "-" + field.Name))}.");

    public override SecureString ReadLineAsSecureString() => throw new HostException("This shell reads no secrets.");

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        throw new HostException("This shell reads no secrets.");

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) =>
        PromptForCredential(caption, message, userName, targetName);

    private void Report(string line)
    {
        progress.Clear();
        Console.Error.WriteLine(GetOutputString(line, !Console.IsErrorRedirected));
    }
}
