using System.Management.Automation;
using System.Management.Automation.Language;
using System.Text;
using Lora.HostChecks;

namespace Lora.Commands;

/// <summary>Says whether this machine trains a model: what is there, what should be, and what to do.</summary>
[Cmdlet(VerbsDiagnostic.Test, "LoraHost", HelpUri = HelpAddress.Pages + "Test-LoraHost.md")]
[OutputType(typeof(LoraHostFinding), typeof(bool))]
public sealed class TestLoraHostCommand : AsyncLoraCmdlet
{
    /// <summary>Gives true when nothing fails, else false, in place of the findings.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <inheritdoc/>
    protected override void EndWork()
    {
        string? version = SessionState.PSVariable.GetValue("PSVersionTable") is System.Collections.IDictionary table ? table["PSVersion"]?.ToString() : null;
        string? policy = Policy();
        IReadOnlyList<string>? probe = Probe();
        bool isGood = true;
        RunOnWorker("Looking at this machine", (worker, cancellation) =>
        {
            foreach (LoraHostFinding finding in HostInspection.Findings(version, policy, probe, cancellation))
            {
                cancellation.ThrowIfCancellationRequested();
                isGood &= finding.Status != LoraHostStatus.Fail;
                if (!Quiet)
                {
                    worker.Write(new PipelineRecord.Output(finding));
                }
            }
        });
        if (Quiet)
        {
            WriteObject(isGood);
        }
    }

    // Windows alone has one, and a host that was put together by a program may lack the command.
    private string? Policy()
    {
        if (!OperatingSystem.IsWindows() || InvokeCommand.GetCommand("Get-ExecutionPolicy", CommandTypes.Cmdlet) is not CommandInfo command)
        {
            return null;
        }

        using PowerShell shell = PowerShell.Create(RunspaceMode.CurrentRunspace);
        return shell.AddCommand(command).Invoke().FirstOrDefault()?.ToString();
    }

    /// <summary>This PowerShell once more, for a process that loads libtorch and may end by it; null in another program.</summary>
    private string[]? Probe()
    {
        string script =
            $$"""
            Import-Module -Name '{{CodeGeneration.EscapeSingleQuotedStringContent(typeof(TestLoraHostCommand).Assembly.Location)}}'
            try { [Lora.HostChecks.RuntimeProbe]::Run() }
            catch { ($_.Exception.InnerException ?? $_.Exception).Message; exit {{RuntimeProbe.Refused}} }
            """;
        // PowerShell takes a script as Base64 of UTF-16, which needs no quotes on any system.
        string[] arguments = ["-NoProfile", "-NonInteractive", "-EncodedCommand", Convert.ToBase64String(Encoding.Unicode.GetBytes(script))];
        string program = Environment.ProcessPath ?? "";
        return Path.GetFileNameWithoutExtension(program).ToUpperInvariant() switch
        {
            "PWSH" => [program, .. arguments],
            // PowerShell as a .NET tool is started by dotnet, as is any other program that hosts it.
            "DOTNET" when SessionState.PSVariable.GetValue("PSHOME") is string home && File.Exists(Path.Combine(home, "pwsh.dll")) => [program, Path.Combine(home, "pwsh.dll"), .. arguments],
            _ => null,
        };
    }
}
