using System.Globalization;
using System.Management.Automation.Host;

namespace Lora.Shell;

/// <summary>What the PowerShell engine sees of this program.</summary>
internal sealed class ShellHost : PSHost
{
    private readonly ShellInterface userInterface = new();

    /// <summary>What the script passed to <c>exit</c>; null when it ran to its end.</summary>
    public int? ExitCode { get; private set; }

    public override string Name => "Lora.Shell";

    public override Version Version { get; } = typeof(ShellHost).Assembly.GetName().Version!;

    public override Guid InstanceId { get; } = Guid.NewGuid();

    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;

    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;

    public override PSHostUserInterface UI => userInterface;

    /// <summary>From now on, what the formatter prints is an error.</summary>
    public void WriteToErrorStream() => userInterface.Output = Console.Error;

    public override void SetShouldExit(int exitCode) => ExitCode = exitCode;

    public override void EnterNestedPrompt() => throw new HostException("This shell has no nested prompt.");

    public override void ExitNestedPrompt() => throw new HostException("This shell has no nested prompt.");

    // Programs that a script starts share the console with it: there is no state to save and restore around them.
    public override void NotifyBeginApplication() => userInterface.ClearProgress();

    public override void NotifyEndApplication() => userInterface.ClearProgress();
}
