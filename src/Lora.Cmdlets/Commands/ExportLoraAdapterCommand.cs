using System.Management.Automation;
using Lora.Adapters;
using Lora.Export;

namespace Lora.Commands;

/// <summary>Writes an adapter as PEFT writes it: adapter_config.json, adapter_model.safetensors and a model card; or as one file in the form of Kohya's scripts or of llama.cpp.</summary>
[Cmdlet(
    VerbsData.Export, "LoraAdapter", DefaultParameterSetName = PathSet, SupportsShouldProcess = true, HelpUri = HelpAddress.Pages + "Export-LoraAdapter.md")]
[OutputType(typeof(DirectoryInfo), typeof(FileInfo))]
public sealed class ExportLoraAdapterCommand : ExportCmdlet
{
    /// <summary>The form to write: PEFT's folder, llama.cpp's file, or Kohya's for adapters of diffusion models.</summary>
    [Parameter]
    public LoraAdapterFormat Format { get; set; }

    /// <summary>What values are stored in by -Format Gguf.</summary>
    [Parameter]
    public LoraTensorType TensorType { get; set; } = LoraTensorType.F16;

    /// <summary>Writes the same change in the plainest form, which clients read that know lora_alpha / r alone.</summary>
    [Parameter]
    public SwitchParameter Portable { get; set; }

    /// <summary>The base model, when -Portable or -Format Gguf needs it and the adapter does not know it.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public ModelArgument? Model { get; set; }

    /// <summary>The base model's id on the hub, in place of a path on this machine.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? BaseModelName { get; set; }

    /// <summary>The base model's revision on the hub; of a model in the cache that -Model names, which one.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    public string? Revision { get; set; }

    /// <inheritdoc/>
    protected override void BeginWork()
    {
        string[] inVain = [.. ForOthers().Where(MyInvocation.BoundParameters.ContainsKey)];
        if (inVain.Length > 0)
        {
            throw LoraException.Of(LoraError.ConfigConflict, inVain[0], $"-{string.Join(", -", inVain)} belongs to another form, and -Format is {Format}");
        }
    }

    /// <inheritdoc/>
    protected override string Written(string place) => Format switch
    {
        LoraAdapterFormat.Kohya => WithEnding(place, ".safetensors"),
        LoraAdapterFormat.Gguf => WithEnding(place, ".gguf"),
        _ => place,
    };

    /// <inheritdoc/>
    protected override bool Export(LoraAdapter adapter, string folder)
    {
        if (Format != LoraAdapterFormat.Peft)
        {
            return ExportFile(adapter, folder);
        }

        PathResolver paths = new(this);
        // Before ShouldProcess, so that -WhatIf too refuses what cannot be written so.
        LoraAdapter written = Named(Portable ? PortableAdapter.Of(adapter, BaseModel.Of(Base(paths), paths, adapter.Config)) : adapter);
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

    /// <summary>The parameters that the form has no use for.</summary>
    private string[] ForOthers() => Format switch
    {
        LoraAdapterFormat.Peft => [nameof(TensorType)],
        LoraAdapterFormat.Gguf => [nameof(Portable), nameof(Revision)],
        _ => [nameof(TensorType), nameof(Portable), nameof(Model), nameof(BaseModelName), nameof(Revision)],
    };

    private bool ExportFile(LoraAdapter adapter, string file)
    {
        if (Format is not (LoraAdapterFormat.Kohya or LoraAdapterFormat.Gguf))
        {
            throw LoraException.Of(LoraError.FormatRefused, adapter, adapter, Format, "it is read here and not written");
        }

        PathResolver paths = new(this);
        string? model = Format == LoraAdapterFormat.Gguf ? BaseModel.Of(Base(paths), paths, adapter.Config) : null;
        bool isAllowed = ShouldProcess(file, model is null ? "Export adapter in Kohya's form" : "Export adapter for llama.cpp");
        if (isAllowed)
        {
            RunOnWorker("Writing LoRA adapter", (worker, cancellation) =>
            {
                if (model is null)
                {
                    KohyaForm.Save(adapter, file, Force, worker);
                }
                else
                {
                    GgufAdapter.Save(Named(adapter), model, file, TensorType, Force, text => worker.Write(new PipelineRecord.Warning(text)), worker, cancellation);
                }
            });
        }

        return isAllowed;
    }

    /// <summary>The model that -Model names. Of a model by its path -Revision says what it is on the hub, of one by its name also which one is meant.</summary>
    private string? Base(PathResolver paths) => BaseModel.Named(Model, Model?.Value is string name && !paths.IsThere(name) ? Revision : null, paths);

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
