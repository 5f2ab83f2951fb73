using System.Management.Automation;
using System.Management.Automation.Runspaces;
using Microsoft.PowerShell;

namespace Lora.Shell;

/// <summary>Runs one text in a runspace of its own and gives the process's exit code.</summary>
internal static class ScriptRunner
{
    private const int Failed = 1;
    private const int Interrupted = 130;

    public static int Run(ShellArguments arguments)
    {
        // Read once, when the engine starts: it would report usage, and leave a named pipe behind.
        Environment.SetEnvironmentVariable("POWERSHELL_TELEMETRY_OPTOUT", "1");
        Environment.SetEnvironmentVariable("POWERSHELL_DIAGNOSTICS_OPTOUT", "1");

        ShellHost host = new();
        using Runspace runspace = RunspaceFactory.CreateRunspace(host, InitialState());
        runspace.Open();
        using PowerShell shell = PowerShell.Create(runspace);
        shell.AddScript(arguments.Text);
        shell.Commands.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
        shell.AddCommand("Out-Default");

        using Interruption interruption = new(shell);
        try
        {
            shell.Invoke();
            return shell.InvocationStateInfo.State == PSInvocationState.Stopped ? Interrupted : host.ExitCode ?? Result(runspace);
        }
        catch (PipelineStoppedException)
        {
            return Interrupted;
        }
        catch (ParseException exception)
        {
            host.UI.WriteErrorLine(exception.Message);
            return Failed;
        }
        catch (RuntimeException exception)
        {
            Show(exception.ErrorRecord, host, runspace);
            return Failed;
        }
    }

    private static int Result(Runspace runspace) =>
        runspace.SessionStateProxy.GetVariable(ShellArguments.ResultVariable) is int code ? code : 0;

    private static InitialSessionState InitialState()
    {
        InitialSessionState state = InitialSessionState.CreateDefault2();
        if (OperatingSystem.IsWindows())
        {
            state.ExecutionPolicy = ExecutionPolicy.RemoteSigned;
        }

        return state;
    }

    // Formatted as an object, the record keeps the place where it was thrown; written as an error, it would get this call's.
    private static void Show(ErrorRecord error, ShellHost host, Runspace runspace)
    {
        host.WriteToErrorStream();
        using PowerShell formatter = PowerShell.Create(runspace);
        formatter.AddCommand("Out-Default").Invoke(new[] { error });
    }
}
