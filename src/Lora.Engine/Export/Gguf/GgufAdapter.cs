using System.Diagnostics;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>
/// An adapter as llama.cpp's <c>--lora</c> reads it: A and B of each of the base's tensors, B with the module's scaling over alpha / rank, which is all
/// that llama.cpp computes, and its rows in the order of the base's.
/// </summary>
public static class GgufAdapter
{
    /// <summary>Writes the file, whole or not at all.</summary>
    /// <param name="adapter">The adapter, of a language model.</param>
    /// <param name="model">The base model's folder.</param>
    /// <param name="path">The file; its folder is made when it is not there.</param>
    /// <param name="type">F32, F16 or BF16.</param>
    /// <param name="overwrite">Replaces a file that is there.</param>
    /// <param name="warn">Told where llama.cpp computes the base otherwise than it is; null: it is traced.</param>
    /// <param name="progress">Told of the bytes that are written.</param>
    /// <param name="cancellation">Ends the work before the next tensor.</param>
    /// <exception cref="LoraException">FormatRefused: everything that has no such form; GgufRefused: a base that llama.cpp does not know; AdapterWeightsInvalid;
    /// OutputExists; OutputFailed; or a model that cannot be read.</exception>
    public static void Save(
        LoraAdapter adapter,
        string model,
        string path,
        LoraTensorType type = LoraTensorType.F16,
        bool overwrite = false,
        Action<string>? warn = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(path);
        GgufFile.CheckPlace(path, overwrite);
        LoraException.ThrowIfAny(AdapterWeightRules.Check(adapter.Config, adapter.Tensors, adapter.Label));
        TaskShape shape = TaskReader.Read(model, adapter.Config.TaskType, adapter.Labels?.Known, adapter.Labels);
        GgufArchitecture architecture = GgufShape.ArchitectureOf(shape, model);
        TorchLibrary.Load();
        using IDisposable noGradient = no_grad();
        LoraAdapter plain = FittedAdapter.Of(Converted(adapter, shape, model), model, resizes: false).Adapter;
        GgufAdapterTensors tensors = new(plain, ModuleTree.Read(model), architecture, shape, type);
        foreach (string obstacle in GgufLimits.Obstacles(shape, architecture))
        {
            (warn ?? (text => Trace.TraceWarning(text)))($"Export-LoraModel does not write the base model as GGUF, because {obstacle}: beside a file of it from elsewhere, this adapter does not compute what it learned.");
        }

        GgufFile.MakeFolder(path);
        GgufProgress bytes = new(progress, "Writing", tensors.Tensors.Sum(tensor => tensor.Length));
        GgufWriter.Write(path, Fields(plain, architecture, shape), tensors.Tensors, (tensor, stream) =>
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            TensorMemory.Write(tensors.ValuesOf(tensor), stream);
            bytes.Add(tensor.Length, tensor.Name);
        });
    }

    /// <summary>An adapter whose start was taken off the base as one of twice the rank for the base as it is.</summary>
    private static LoraAdapter Converted(LoraAdapter adapter, TaskShape shape, string model)
    {
        if (!LoraInitialization.Of(adapter.Config.Initialization).ChangesBase)
        {
            return adapter;
        }

        using TaskModel loaded = ModelLoader.Load(shape, model, CPU, ScalarType.Float32);
        using AttachedLora attached = LoraModules.Load(loaded, adapter);
        LoraAdapter plain = attached.ToAdapter();
        return new() { Config = plain.Config, Tensors = plain.Tensors, ChatTemplate = adapter.ChatTemplate, Labels = adapter.Labels, Path = adapter.Path };
    }

    /// <summary>What llama.cpp's loader asks for, the heads, and where the base is on the hub.</summary>
    private static List<GgufField> Fields(LoraAdapter adapter, GgufArchitecture architecture, TaskShape shape)
    {
        List<GgufField> fields =
        [
            new("general.architecture", GgufValue.Of(architecture.Name)),
            new("general.type", GgufValue.Of("adapter")),
            new("adapter.type", GgufValue.Of("lora")),
            new("adapter.lora.alpha", GgufValue.Of(GgufAdapterTensors.AlphaOf(adapter.Config))),
            .. shape is ModelShape decoder ? GgufShape.HeadFields(architecture.Name, GgufShape.AttentionOf(decoder.Blocks[0])) : [],
        ];
        if (shape is SequenceToSequenceShape stacks)
        {
            fields.Add(new(GgufForm.GateField(architecture.Name), GgufValue.Of(stacks.Encoder.IsGated)));
        }

        if (SnapshotPath.Named(adapter.Config).BaseModelNameOrPath is string name && name.Count(letter => letter == '/') == 1 && !Path.Exists(name) && name[0] is not ('/' or '.'))
        {
            fields.Add(new("general.base_model.count", GgufValue.Of(1u)));
            fields.Add(new("general.base_model.0.name", GgufValue.Of(name[(name.IndexOf('/') + 1)..])));
            fields.Add(new("general.base_model.0.organization", GgufValue.Of(name[..name.IndexOf('/')])));
            fields.Add(new("general.base_model.0.repo_url", GgufValue.Of("https://huggingface.co/" + name)));
        }
        else if (adapter.BaseModel is string local)
        {
            // Of a folder its name alone: where it lies tells of the machine.
            fields.Add(new("general.base_model.count", GgufValue.Of(1u)));
            fields.Add(new("general.base_model.0.name", GgufValue.Of(ModelCard.NameOf(local))));
        }

        // llama.cpp takes the base's; whoever reads the file back has the one that the adapter learned by.
        return adapter.ChatTemplate is string template ? [.. fields, new("tokenizer.chat_template", GgufValue.Of(template))] : fields;
    }
}
