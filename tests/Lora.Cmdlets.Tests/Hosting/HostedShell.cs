using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace Lora.Commands.Tests;

/// <summary>A runspace of the real PowerShell engine with the module imported. A test class shares one.</summary>
public sealed class HostedShell : IDisposable
{
    private readonly CaptureHost host = new();
    private readonly Runspace runspace;

    public HostedShell()
        : this(import: true)
    {
    }

    private HostedShell(bool import, params SessionStateCmdletEntry[] cmdlets)
    {
        InitialSessionState state = InitialSessionState.CreateDefault2();
        state.ThreadOptions = PSThreadOptions.UseCurrentThread;
        state.Commands.Add(cmdlets);
        if (import)
        {
            state.ImportPSModule([Repository.Manifest]);
        }

        runspace = RunspaceFactory.CreateRunspace(host, state);
        runspace.Open();
    }

    /// <summary>What the user has seen so far that went to the host and to no stream.</summary>
    public string Seen => host.Text;

    /// <summary>A runspace without the module.</summary>
    public static HostedShell Bare() => new(import: false);

    /// <summary>A runspace with a cmdlet of the tests, to try what the module's cmdlets are built on.</summary>
    public static HostedShell With(string name, Type cmdlet) => new(import: false, new SessionStateCmdletEntry(name, cmdlet, null));

    /// <summary>Gives scripts a variable.</summary>
    public HostedShell With(string name, object? value)
    {
        runspace.SessionStateProxy.SetVariable(name, value);
        return this;
    }

    /// <summary>Runs a script and collects what it said on every stream.</summary>
    public ShellResult Run(string script)
    {
        using PowerShell shell = Create(script);
        return Invoke(shell);
    }

    /// <summary>Runs a script as at a prompt: the result's text is what the user would see, without the blank lines around it.</summary>
    public string Show(string script)
    {
        host.Clear();
        using PowerShell shell = Create(script);
        shell.AddCommand("Out-Default").Invoke();
        return host.Text.Trim('\n', '\r').ReplaceLineEndings("\n");
    }

    /// <summary>Runs a script as at a prompt, and takes the same choice whenever it asks.</summary>
    public string Show(string script, string answer)
    {
        host.Answer = answer;
        try
        {
            return Show(script);
        }
        finally
        {
            host.Answer = null;
        }
    }

    /// <summary>Runs a script as at a prompt, where lines are typed when it reads them, and then the input ends.</summary>
    public string Type(string script, params string[] lines)
    {
        host.Typed = new(lines);
        try
        {
            return Show(script);
        }
        finally
        {
            host.Typed = null;
        }
    }

    /// <summary>Starts a script, waits for the signal, stops the pipeline as Ctrl+C does and collects what it had said until then.</summary>
    public ShellResult RunAndStop(string script, WaitHandle signal)
    {
        using PowerShell shell = Create(script);
        Thread stopper = new(() =>
        {
            signal.WaitOne();
            shell.Stop();
        });
        stopper.Start();
        ShellResult result = Invoke(shell);
        stopper.Join();
        return result;
    }

    /// <summary>What the completion of a line offers at its end.</summary>
    public IReadOnlyList<string> Complete(string line)
    {
        using PowerShell shell = Create("");
        shell.Commands.Clear();
        return [.. CommandCompletion.CompleteInput(line, line.Length, null, shell).CompletionMatches.Select(match => match.CompletionText)];
    }

    public void Dispose() => runspace.Dispose();

    private PowerShell Create(string script)
    {
        PowerShell shell = PowerShell.Create(runspace);
        shell.AddScript(script);
        return shell;
    }

    private static ShellResult Invoke(PowerShell shell)
    {
        PSDataCollection<PSObject> output = [];
        try
        {
            shell.Invoke(null, output);
        }
        catch (RuntimeException exception)
        {
            shell.Streams.Error.Add(exception.ErrorRecord);
        }

        return new ShellResult(
            [.. output],
            [.. shell.Streams.Error],
            [.. shell.Streams.Warning.Select(record => record.Message)],
            [.. shell.Streams.Progress],
            shell.InvocationStateInfo.State);
    }
}
