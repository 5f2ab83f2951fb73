using System.Management.Automation;
using System.Security;
using Lora.Hub;

namespace Lora.Commands;

/// <summary>Downloads a model from a hub into the cache that Hugging Face's tools share.</summary>
[Cmdlet(VerbsLifecycle.Install, "LoraModel", SupportsShouldProcess = true, HelpUri = HelpAddress.Pages + "Install-LoraModel.md")]
[OutputType(typeof(LoraInstalledModel))]
public sealed class InstallLoraModelCommand : AsyncLoraCmdlet
{
    private HubOptions options = null!;

    /// <summary>The model's name on the hub, org/name.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(HubNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>A branch, a tag or a commit.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Revision { get; set; }

    /// <summary>Globs of files to take in place of those that are needed.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public string[] Include { get; set; } = [];

    /// <summary>Globs of files to leave out.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public string[] Exclude { get; set; } = [];

    /// <summary>The token to use in place of the environment's.</summary>
    [Parameter]
    public SecureString? Token { get; set; }

    /// <summary>Takes what is in the cache, and asks nobody.</summary>
    [Parameter]
    public SwitchParameter Offline { get; set; }

    /// <summary>Holds what is in the cache against its hashes, and downloads anew what is something else.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginWork()
    {
        options = HubOptions.FromEnvironment(Token is null ? null : HubToken.Of(Token), Offline);
        if (options.IsOffline && Force)
        {
            throw LoraException.Of(LoraError.ConfigConflict, nameof(Force), "-Force asks the hub for what each file should be, and with -Offline, or HF_HUB_OFFLINE, nobody is asked");
        }

        foreach (string warning in options.Warnings)
        {
            WriteWarning(warning);
        }
    }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        foreach (string name in Name)
        {
            try
            {
                if (options.IsOffline)
                {
                    WriteObject(InstalledModel.Find(new HubCache(options.Cache), name, Revision));
                }
                else
                {
                    Install(new HubModel(name, Revision));
                }
            }
            catch (LoraException exception)
            {
                WriteError(exception);
            }
        }
    }

    private void Install(HubModel model)
    {
        ModelDownload download = null!;
        PipelineWorker current = null!; // says what is waited for
        using HubClient client = new(options, (why, wait) => current.Write(HubWait.Record(why, wait)));
        // Asked of the hub before ShouldProcess, so that -WhatIf says how much there is to download.
        RunOnWorker("Downloading model", (worker, cancellation) =>
        {
            current = worker;
            download = ModelDownload.PlanAsync(client, model, Include, Exclude, cancellation, Force).GetAwaiter().GetResult();
        });
        if (ShouldProcess(model.ToString(), Action(download)))
        {
            RunOnWorker("Downloading model", (worker, cancellation) =>
            {
                current = worker;
                worker.LastWord = $"The download of {model} was stopped: what came is kept, and the same command goes on from there.";
                worker.WriteLast(download.RunAsync(new WorkReport(worker), cancellation).GetAwaiter().GetResult());
            });
        }
    }

    private static string Action(ModelDownload download) =>
        $"Download {download.Files.Count} files, {SizeText.Of(download.Missing)} of {SizeText.Of(download.Size)}{(download.Verifies ? ", and what is damaged" : "")}, to '{download.Path}'";
}
