using System.Management.Automation;
using System.Security;
using Lora.Hub;

namespace Lora.Commands;

/// <summary>Publishes an adapter's folder on a hub: configuration, weights, card and tokenizer, in one commit of a repository that is private unless said otherwise.</summary>
// What others may have copied cannot be called back, so that it is asked for unless -Confirm:$false.
[Cmdlet(
    VerbsData.Publish, "LoraAdapter", DefaultParameterSetName = AdapterSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    HelpUri = HelpAddress.Pages + "Publish-LoraAdapter.md")]
[OutputType(typeof(LoraPublishedAdapter))]
public sealed class PublishLoraAdapterCommand : AdapterCmdlet
{
    private readonly HashSet<string> published = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The repository, org/name; it is made where there is none.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    public string Repository { get; set; } = "";

    /// <summary>Lets everybody see it.</summary>
    [Parameter]
    public SwitchParameter Public { get; set; }

    /// <summary>The commit's message.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string Message { get; set; } = "Upload LoRA adapter";

    /// <summary>The access token, in place of the environment's.</summary>
    [Parameter]
    [ValidateNotNull]
    public SecureString? Token { get; set; }

    /// <inheritdoc/>
    private protected override void ProcessAdapter(AdapterSource source)
    {
        HubModel model = HubModel.WithOwner(Repository);
        if (Reported(() => Planned(source)) is not AdapterPublication publication)
        {
            return;
        }

        if (!published.Add(model.Name))
        {
            throw LoraException.Of(LoraError.OutputRepeated, model.Name, model.Name);
        }

        HubOptions options = HubOptions.FromEnvironment(Token is null ? null : HubToken.Of(Token));
        foreach (string warning in publication.Warnings)
        {
            WriteWarning(warning);
        }

        string who = Public ? "publicly" : "privately";
        if (!ShouldProcess($"{options.Endpoint.AbsoluteUri.TrimEnd('/')}/{model.Name}", $"Publish {who}: {string.Join(", ", publication.Files)} of '{publication.Folder}'"))
        {
            return;
        }

        RunOnWorker("Publishing LoRA adapter", (worker, cancellation) =>
        {
            worker.LastWord = $"Publishing was stopped: '{model.Name}' has no new commit. What was uploaded is not sent again.";
            using HubClient client = new(options, (why, wait) => worker.Write(HubWait.Record(why, wait)));
            LoraPublishedAdapter result = publication.RunAsync(client, model, Public, Message, worker, cancellation).GetAwaiter().GetResult();
            if (Public && result.IsPrivate)
            {
                worker.Write(new PipelineRecord.Warning($"'{model.Name}' was there, and is private: -Public makes a new repository public. What others see of this one is set at {result.Url}/settings"));
            }

            worker.WriteLast(result);
        });
    }

    private static AdapterPublication Planned(AdapterSource source) => source.Folder is string folder
        ? AdapterPublication.Plan(folder)
        : throw LoraException.Of(LoraError.ConfigConflict, source, "what is published is an adapter's folder, and this one has none: Export-LoraAdapter writes it");
}
