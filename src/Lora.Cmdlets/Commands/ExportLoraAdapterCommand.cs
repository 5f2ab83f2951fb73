using System.Management.Automation;
using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Writes an adapter as PEFT writes it: adapter_config.json, adapter_model.safetensors and a model card; or as one file in Kohya's form.</summary>
[Cmdlet(
    VerbsData.Export, "LoraAdapter", DefaultParameterSetName = PathSet, SupportsShouldProcess = true, HelpUri = HelpAddress.Pages + "Export-LoraAdapter.md")]
[OutputType(typeof(DirectoryInfo), typeof(FileInfo))]
public sealed class ExportLoraAdapterCommand : ExportCmdlet
{
    private const string FileEnding = ".safetensors";

    /// <summary>The form to write: PEFT's folder, or Kohya's file for adapters of diffusion models.</summary>
    [Parameter]
    public LoraAdapterFormat Format { get; set; }

    /// <summary>Writes the same change in the plainest form, which clients read that know lora_alpha / r alone.</summary>
    [Parameter]
    public SwitchParameter Portable { get; set; }

    /// <summary>The base model, when -Portable needs it and the adapter does not know it.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    public ModelArgument? Model { get; set; }

    /// <summary>The base model's id on the hub, in place of a path on this machine.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? BaseModelName { get; set; }

    /// <summary>The base model's revision on the hub.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Revision { get; set; }

    /// <inheritdoc/>
    protected override void BeginWork()
    {
        string[] inVain = [.. new[] { nameof(Portable), nameof(Model), nameof(BaseModelName), nameof(Revision) }.Where(MyInvocation.BoundParameters.ContainsKey)];
        if (Format != LoraAdapterFormat.Peft && inVain.Length > 0)
        {
            throw LoraException.Of(LoraError.ConfigConflict, inVain[0], $"-{string.Join(", -", inVain)} belongs to PEFT's form, and -Format is {Format}");
        }
    }

    /// <inheritdoc/>
    protected override string Written(string place) =>
        Format == LoraAdapterFormat.Kohya && !place.EndsWith(FileEnding, StringComparison.OrdinalIgnoreCase) ? place + FileEnding : place;

    /// <inheritdoc/>
    protected override bool Export(LoraAdapter adapter, string folder)
    {
        if (Format != LoraAdapterFormat.Peft)
        {
            return ExportFile(adapter, folder);
        }

        PathResolver paths = new(this);
        LoraAdapter written = Named(Portable ? PortableAdapter.Of(adapter, BaseModel.Of(BaseModel.Named(Model, paths), paths, adapter.Config)) : adapter);
        bool isAllowed = ShouldProcess(folder, Portable ? "Export portable adapter" : "Export adapter");
        if (isAllowed)
        {
            RunOnWorker(
                "Writing LoRA adapter",
                (worker, _) => AdapterFolder.Save(written, folder, Force, text => worker.Write(new PipelineRecord.Warning(text)), worker));
            WarnOfMisreadings(written, BaseModel.Of(adapter.Config, paths));
        }

        return isAllowed;
    }

    private bool ExportFile(LoraAdapter adapter, string file)
    {
        if (Format != LoraAdapterFormat.Kohya)
        {
            throw LoraException.Of(LoraError.FormatRefused, adapter, adapter, Format, "it is read here and not written");
        }

        bool isAllowed = ShouldProcess(file, "Export adapter in Kohya's form");
        if (isAllowed)
        {
            RunOnWorker("Writing LoRA adapter", (worker, _) => KohyaForm.Save(adapter, file, Force, worker));
        }

        return isAllowed;
    }

    private LoraAdapter Named(LoraAdapter adapter) =>
        adapter.With(adapter.Config with { BaseModelNameOrPath = BaseModelName ?? adapter.Config.BaseModelNameOrPath, Revision = Revision ?? adapter.Config.Revision });

    /// <summary>One line for the clients that load the adapter without a word and compute something else; those that refuse it say so themselves.</summary>
    private void WarnOfMisreadings(LoraAdapter adapter, string? model)
    {
        string[] wrong = [.. ClientCheck.Of(adapter, Enum.GetValues<LoraClient>(), model)
            .Where(report => report.Outcome == LoraClientOutcome.Wrong)
            .Select(report => $"{report.Client} ({string.Join(", ", report.Field)})")];
        if (wrong.Length > 0)
        {
            WriteWarning($"Programs that load this adapter without an error and compute it wrongly: {string.Join("; ", wrong)}. Test-LoraAdapter says why, and what helps.");
        }
    }
}
