using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Self-attention of a decoder block.</summary>
internal sealed record AttentionShape
{
    private static readonly IReadOnlyList<string> Apart = ["q_proj", "k_proj", "v_proj"];

    /// <summary>Its name within the block.</summary>
    public string Name { get; init; } = "self_attn";

    public required int HiddenSize { get; init; }

    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int HeadDimension { get; init; }

    /// <summary>The layers of q, k and v, or the one that has all of their outputs.</summary>
    public IReadOnlyList<string> Projections { get; init; } = Apart;

    /// <summary>How the outputs lie in the one layer that has them all.</summary>
    public PackedOrder Order { get; init; }

    /// <summary>Whether the layers store their weights [in, out].</summary>
    public bool IsConv1D { get; init; }

    /// <summary>Biases on q, k and v.</summary>
    public bool Bias { get; init; }

    /// <summary>The layer that joins the heads.</summary>
    public string Output { get; init; } = "o_proj";

    public bool OutputBias { get; init; }

    /// <summary>The norm of each head of q, or of all of them at once where its width is theirs, named within the attention; null for none.</summary>
    public NormShape? QueryNorm { get; init; }

    /// <summary>The norm of k.</summary>
    public NormShape? KeyNorm { get; init; }

    /// <summary>The rotation of q and k; null for none.</summary>
    public RopeParameters? Rope { get; init; }

    /// <summary>What is added to scores for a key's position; null for nothing.</summary>
    public AlibiShape? Alibi { get; init; }

    /// <summary>How many keys a query sees, itself included; null for all before it.</summary>
    public int? Window { get; init; }

    /// <summary>What scores are multiplied by; null for 1 / sqrt(head size).</summary>
    public double? Scale { get; init; }

    /// <summary>The soft cap of scores, or null.</summary>
    public double? ScoreCap { get; init; }

    /// <summary>Whether each head has a sink (<see cref="SinkAttention"/>), <c>sinks</c> [heads].</summary>
    public bool HasSinks { get; init; }

    /// <summary>Outputs of q.</summary>
    public int QueryWidth => Heads * HeadDimension;

    /// <summary>Outputs of k, and of v.</summary>
    public int KeyWidth => KeyValueHeads * HeadDimension;

    /// <inheritdoc cref="BlockShape.Products"/>
    public IEnumerable<IReadOnlyList<string>> Products => [[.. Projections.Select(name => $"{Name}.{name}")], [$"{Name}.{Output}"]];

    /// <summary>Makes the module: [batch, tokens, hidden] -> the same.</summary>
    /// <param name="block">The weights of the block that has it.</param>
    public nn.Module<Tensor, BlockContext, Tensor> Build(Weights block) => new Attention(this, block.At(Name));
}

/// <summary>How the outputs of q, k and v lie in one layer.</summary>
internal enum PackedOrder
{
    /// <summary>All of q, then all of k, then all of v.</summary>
    Parts,

    /// <summary>For each key/value head its query heads, its key and its value.</summary>
    Heads,
}

/// <summary>Attention with linear biases (arXiv 2108.12409): factor · slope · position of the key is added to the scores of a head.</summary>
/// <param name="Factor">Of all slopes.</param>
/// <param name="IsRounded">Whether slopes and products are rounded to bfloat16 (Falcon).</param>
internal sealed record AlibiShape(double Factor, bool IsRounded);
