using System.Management.Automation;

namespace Lora.Shell;

/// <summary>Ctrl+C stops the pipeline, which lets a training keep its checkpoint; a second Ctrl+C ends the process.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly PowerShell shell;
    private bool stopping;

    public Interruption(PowerShell shell)
    {
        this.shell = shell;
        Console.CancelKeyPress += OnCancelKey;
    }

    public void Dispose() => Console.CancelKeyPress -= OnCancelKey;

    private void OnCancelKey(object? sender, ConsoleCancelEventArgs key)
    {
        if (!stopping)
        {
            stopping = true;
            key.Cancel = true;
            shell.BeginStop(null, null);
        }
    }
}
