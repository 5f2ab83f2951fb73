using System.Globalization;
using System.Management.Automation.Host;

namespace Lora.Commands.Tests;

/// <summary>A host that keeps what would have been shown.</summary>
internal sealed class CaptureHost : PSHost
{
    private readonly CaptureInterface userInterface = new();

    public string Text => userInterface.Text.ToString();

    public string? Answer
    {
        set => userInterface.Answer = value;
    }

    public Queue<string>? Typed
    {
        set => userInterface.Typed = value;
    }

    public override string Name => "Capture";

    public override Version Version { get; } = new(1, 0);

    public override Guid InstanceId { get; } = Guid.NewGuid();

    public override CultureInfo CurrentCulture => CultureInfo.InvariantCulture;

    public override CultureInfo CurrentUICulture => CultureInfo.InvariantCulture;

    public override PSHostUserInterface UI => userInterface;

    public void Clear() => userInterface.Text.Clear();

    public override void SetShouldExit(int exitCode) => Assert.Fail($"The script called exit {exitCode}.");

    public override void EnterNestedPrompt() => throw new NotSupportedException();

    public override void ExitNestedPrompt() => throw new NotSupportedException();

    public override void NotifyBeginApplication() => throw new NotSupportedException();

    public override void NotifyEndApplication() => throw new NotSupportedException();
}
