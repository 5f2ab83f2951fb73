using System.Globalization;
using Lora.Checkpoints;
using Lora.Data;

namespace Lora;

/// <summary>An adapter in memory: plain bytes, so that it can be passed between runspaces and needs no disposal.</summary>
public sealed class LoraAdapter
{
    /// <summary>What was adapted and how.</summary>
    public LoraConfig Config { get; init; } = new();

    /// <summary>The weights under the names that PEFT gives them in the file, for example
    /// <c>base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight</c> [rank, in].</summary>
    public IReadOnlyList<TensorData> Tensors { get; init => field = new LoraList<TensorData>([.. value]); } = new LoraList<TensorData>([]);

    /// <summary>The chat template (a Jinja2 text) that wrote the conversations it was trained on; null where it learned from other rows, or that is not known.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>The names of the labels that a classifier was trained with, in the order of their ids; empty where there are none, or that is not known.</summary>
    public IReadOnlyList<string> LabelName => new LoraList<string>([.. Labels?.Names ?? []]);

    /// <summary>The labels that a classifier was trained with; null where there are none, or that is not known.</summary>
    internal LabelSet? Labels { get; init; }

    /// <summary>The rows that its training took the loss on, for who has to prove something of it; null where there were none, or that is not known.</summary>
    internal ValidationRows? Validation { get; init; }

    /// <summary>The folder that holds the adapter; null when it is in memory only.</summary>
    public string? Path { get; init; }

    /// <summary>The base model's folder or id; null when it is not known.</summary>
    public string? BaseModel => Config.Model ?? Config.BaseModelNameOrPath;

    /// <summary>The number of values in all tensors.</summary>
    public long ParameterCount => Tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (count, size) => count * size));

    /// <summary>What messages call the adapter: its folder, or what it is.</summary>
    internal string Label => Path ?? ToString();

    /// <summary>The same adapter with another configuration.</summary>
    public LoraAdapter With(LoraConfig config) => new() { Config = config, Tensors = Tensors, ChatTemplate = ChatTemplate, Labels = Labels, Validation = Validation, Path = Path };

    /// <summary>The same adapter with the rows that its training took the loss on.</summary>
    internal LoraAdapter With(ValidationRows? rows) => new() { Config = Config, Tensors = Tensors, ChatTemplate = ChatTemplate, Labels = Labels, Validation = rows, Path = Path };

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Config}, {ParameterCount} parameters");
}

/// <summary>Rows in files, and how they are read.</summary>
/// <param name="Paths">Full paths of the files.</param>
/// <param name="Data">How they are read.</param>
internal sealed record ValidationRows(IReadOnlyList<string> Paths, DataOptions Data);
