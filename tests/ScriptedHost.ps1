# A host for which somebody types: the lines that it is given, then the end of the input. What is shown is in its Text.
if (-not ('ScriptedHost' -as [type])) {
    Add-Type -TypeDefinition @'
using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Text;

public sealed class ScriptedHost : PSHost
{
    private readonly ScriptedInterface ui = new ScriptedInterface();

    public ScriptedHost(params string[] lines) { Type(lines); }

    public string Text { get { return ui.Text.ToString(); } }
    public void Type(params string[] lines) { ui.Lines.Clear(); foreach (string line in lines) { ui.Lines.Enqueue(line); } }

    public override CultureInfo CurrentCulture { get { return CultureInfo.InvariantCulture; } }
    public override CultureInfo CurrentUICulture { get { return CultureInfo.InvariantCulture; } }
    public override Guid InstanceId { get; } = Guid.NewGuid();
    public override string Name { get { return "ScriptedHost"; } }
    public override PSHostUserInterface UI { get { return ui; } }
    public override Version Version { get { return new Version(1, 0); } }
    public override void EnterNestedPrompt() { }
    public override void ExitNestedPrompt() { }
    public override void NotifyBeginApplication() { }
    public override void NotifyEndApplication() { }
    public override void SetShouldExit(int exitCode) { }
}

public sealed class ScriptedInterface : PSHostUserInterface
{
    public Queue<string> Lines { get; } = new Queue<string>();
    public StringBuilder Text { get; } = new StringBuilder();
    public override PSHostRawUserInterface RawUI { get { return null; } }
    public override string ReadLine()
    {
        if (Lines.Count == 0) { return null; }
        string line = Lines.Dequeue();
        WriteLine(line);
        return line;
    }
    public override void Write(string value) { Text.Append(value); }
    public override void Write(ConsoleColor foreground, ConsoleColor background, string value) { Text.Append(value); }
    public override void WriteLine(string value) { Text.Append(value).Append('\n'); }
    public override void WriteErrorLine(string value) { WriteLine(value); }
    public override void WriteDebugLine(string message) { }
    public override void WriteVerboseLine(string message) { }
    public override void WriteWarningLine(string message) { WriteLine(message); }
    public override void WriteProgress(long sourceId, ProgressRecord record) { }
    public override SecureString ReadLineAsSecureString() { throw new NotSupportedException(); }
    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) { throw new NotSupportedException(); }
    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice) { throw new NotSupportedException(); }
    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) { throw new NotSupportedException(); }
    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName, PSCredentialTypes types, PSCredentialUIOptions options) { throw new NotSupportedException(); }
}
'@
}
