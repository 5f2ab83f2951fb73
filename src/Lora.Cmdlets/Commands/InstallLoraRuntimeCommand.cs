using System.Management.Automation;
using Lora.Runtime;

namespace Lora.Commands;

/// <summary>Installs the native libraries of libtorch for the user, once.</summary>
[Cmdlet(VerbsLifecycle.Install, "LoraRuntime", SupportsShouldProcess = true, HelpUri = HelpAddress.Pages + "Install-LoraRuntime.md")]
[OutputType(typeof(LoraRuntime))]
public sealed class InstallLoraRuntimeCommand : AsyncLoraCmdlet
{
    private const string PublicFeed = "nuget.org";

    /// <summary>What the libraries compute on.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    public LoraBackend[] Backend { get; set; } = [LoraBackend.Cpu];

    /// <summary>Where the packages come from, in place of nuget.org: a folder, the address of a feed, or the name of a source in NuGet.Config.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Source { get; set; }

    /// <summary>Installs again what is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Gives what is installed.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        // A folder is relative to the shell's location; what is none is an address or a source's name.
        string? source = Source is null ? null : new PathResolver(this).Folder(Source) ?? Source;
        foreach (LoraBackend backend in Backend)
        {
            RuntimeOptions options = new() { Backend = backend, Source = source, Overwrite = Force };
            if (ShouldProcess(RuntimeInstaller.Folder(backend), $"Install libtorch ({backend}) of the packages in '{options.SourceName ?? PublicFeed}'"))
            {
                Install(options);
            }
        }
    }

    private void Install(RuntimeOptions options) =>
        RunOnWorker("Installing runtime", (worker, cancellation) =>
        {
            worker.LastWord = "The installation was stopped. What was fetched is kept, and the next Install-LoraRuntime goes on with it.";
            LoraRuntime runtime = RuntimeInstaller.Install(options, new WorkReport(worker), cancellation);
            worker.LastWord = null;
            if (PassThru)
            {
                worker.WriteLast(runtime);
            }
        });
}
