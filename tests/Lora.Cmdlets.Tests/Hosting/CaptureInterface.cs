using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Text;

namespace Lora.Commands.Tests;

/// <summary>Keeps the text as a terminal without colours would show it; a choice is answered as a test says, nothing else is.</summary>
internal sealed class CaptureInterface : PSHostUserInterface
{
    public StringBuilder Text { get; } = new();

    /// <summary>The label of the choice that is taken, without its mark for the key; null where nobody is to be asked.</summary>
    public string? Answer { get; set; }

    public override PSHostRawUserInterface RawUI { get; } = new CaptureRawInterface();

    public override bool SupportsVirtualTerminal => false;

    public override void Write(string value) => Text.Append(GetOutputString(value, SupportsVirtualTerminal));

    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Write(value);

    public override void WriteLine(string value) => Write(value + "\n");

    public override void WriteErrorLine(string value) => WriteLine(value);

    public override void WriteWarningLine(string message) => WriteLine("WARNING: " + message);

    public override void WriteVerboseLine(string message) => WriteLine("VERBOSE: " + message);

    public override void WriteDebugLine(string message) => WriteLine("DEBUG: " + message);

    public override void WriteProgress(long sourceId, ProgressRecord record)
    {
    }

    /// <summary>What is typed, line by line, before the input ends; null where nobody is there to type.</summary>
    public Queue<string>? Typed { get; set; }

    public override string ReadLine()
    {
        string? line = (Typed ?? throw new NotSupportedException("nobody types")).Count > 0 ? Typed.Dequeue() : null;
        WriteLine(line ?? "");
        return line!; // as the console's own at the end of its input
    }

    public override SecureString ReadLineAsSecureString() => throw new NotSupportedException();

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) =>
        throw new NotSupportedException();

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        WriteLine($"{caption}: {message}");
        return Answer is null ? throw new NotSupportedException() : choices.Select(choice => choice.Label.Replace("&", "", StringComparison.Ordinal)).ToList().IndexOf(Answer);
    }

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        throw new NotSupportedException();

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) =>
        throw new NotSupportedException();
}
