using System.Globalization;
using System.Management.Automation;
using System.Security;
using Lora.Hub;

namespace Lora.Commands;

/// <summary>Downloads a model from a hub into the cache that Hugging Face's tools share.</summary>
[Cmdlet(VerbsLifecycle.Install, "LoraModel", SupportsShouldProcess = true, HelpUri = HelpAddress.Pages + "Install-LoraModel.md")]
[OutputType(typeof(LoraInstalledModel))]
public sealed class InstallLoraModelCommand : AsyncLoraCmdlet
{
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

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        HubOptions options = HubOptions.FromEnvironment(Token is null ? null : HubToken.Of(Token), Offline);
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
                    Install(options, new HubModel(name, Revision));
                }
            }
            catch (LoraException exception)
            {
                WriteError(exception);
            }
        }
    }

    private void Install(HubOptions options, HubModel model)
    {
        ModelDownload download = null!;
        PipelineWorker current = null!; // says what is waited for
        using HubClient client = new(options, (why, wait) => current.Write(HubWait.Record(why, wait)));
        // Asked of the hub before ShouldProcess, so that -WhatIf says how much there is to download.
        RunOnWorker("Downloading model", (worker, cancellation) =>
        {
            current = worker;
            download = ModelDownload.PlanAsync(client, model, Include, Exclude, cancellation).GetAwaiter().GetResult();
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

    private static string Action(ModelDownload download) => string.Create(
        CultureInfo.InvariantCulture, $"Download {download.Files.Count} files, {download.Missing / 1e6:N1} of {download.Size / 1e6:N1} MB, to '{download.Path}'");
}
