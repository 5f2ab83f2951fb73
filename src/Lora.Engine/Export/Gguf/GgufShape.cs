using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;

namespace Lora.Export;

/// <summary>A model's shape, taken apart for what llama.cpp asks.</summary>
internal static class GgufShape
{
    /// <summary>The architecture whose files state the factors of scores, embeddings, residuals and logits.</summary>
    public const string Granite = "granite";

    private const double SameFactor = 1e-9;

    /// <summary>The attention of a block.</summary>
    public static AttentionShape AttentionOf(BlockShape block) => block switch
    {
        PreNormShape pre => pre.Attention,
        FourNormShape four => four.Attention,
        ParallelShape parallel => parallel.Attention,
        OutputNormShape output => output.Attention,
        PostNormShape post => post.Attention,
        _ => throw new ArgumentOutOfRangeException(nameof(block), block, "The block has no attention."),
    };

    /// <summary>What a block does to each token by itself.</summary>
    public static MlpShape MlpOf(BlockShape block) => block switch
    {
        PreNormShape pre => pre.Mlp,
        FourNormShape four => four.Mlp,
        ParallelShape parallel => parallel.Mlp,
        OutputNormShape output => output.Mlp,
        PostNormShape post => post.Mlp,
        _ => throw new ArgumentOutOfRangeException(nameof(block), block, "The block has no MLP."),
    };

    /// <summary>The architecture of a model, held to what it computes.</summary>
    /// <param name="shape">The model.</param>
    /// <param name="source">Its folder, for messages.</param>
    /// <exception cref="LoraException">GgufRefused.</exception>
    public static GgufArchitecture ArchitectureOf(TaskShape shape, string source) => (shape, GgufArchitectures.OfModel(shape.ModelType)) switch
    {
        (_, null) => throw LoraException.Of(LoraError.GgufRefused, source, source, $"models of type '{shape.ModelType}' are not written; these are: {GgufArchitectures.Known}"),
        (ModelShape or SequenceToSequenceShape or EncoderShape { Head: ClassHeadShape { Dense: not null, Activation: "tanh" } }, GgufArchitecture known) => known,
        (EncoderShape, _) => throw LoraException.Of(
            LoraError.GgufRefused, source, source, $"llama.cpp has no head for hidden tokens, or for labels of single tokens; of type '{shape.ModelType}' it computes the labels of whole texts (SEQ_CLS)"),
        _ => throw LoraException.Of(LoraError.GgufRefused, source, source, $"llama.cpp has no head for labels of models of type '{shape.ModelType}'"),
    };

    /// <summary>The numbers of heads, by which the rows of q and k are put in order; an adapter's file has them too, so that it is read without its model.</summary>
    public static IEnumerable<GgufField> HeadFields(string architecture, AttentionShape attention) =>
    [
        new($"{architecture}.attention.head_count", GgufValue.Of((uint)attention.Heads)),
        new($"{architecture}.attention.head_count_kv", GgufValue.Of((uint)attention.KeyValueHeads)),
    ];

    /// <summary>What a tensor of the file is multiplied by, so that llama.cpp comes to what the model computes; null for nothing.</summary>
    /// <param name="name">The file's name for its module.</param>
    /// <param name="shape">The model.</param>
    /// <param name="architecture">What it is in llama.cpp.</param>
    public static double? FactorOf(string name, TaskShape shape, GgufArchitecture architecture) => shape switch
    {
        ModelShape decoder when name[(name.LastIndexOf('.') + 1)..] == (AttentionOf(decoder.Blocks[0]).QueryNorm is null ? "attn_q" : "attn_q_norm") => QueryFactor(decoder, architecture),

        // It has no factor between the last norm and the head; the norm's weight can have it.
        SequenceToSequenceShape { ScalesHead: true } stacks when name == "dec.output_norm" => 1 / Math.Sqrt(stacks.Decoder.HiddenSize),
        _ => null,
    };

    /// <summary>
    /// What q is multiplied by so that scores come to what the model computes, where llama.cpp has another factor than the model: it takes
    /// 1 / sqrt(head size) or, of the largest Gemma 2 and 3, which it knows by their blocks, 1 / sqrt(hidden size / heads). Null for nothing.
    /// </summary>
    public static double? QueryFactor(ModelShape shape, GgufArchitecture architecture)
    {
        AttentionShape attention = AttentionOf(shape.Blocks[0]);
        bool isLargest = (architecture.Name, shape.Blocks.Count) is ("gemma2", 46) or ("gemma3", 62);
        double factor = (attention.Scale ?? 0) * Math.Sqrt(isLargest ? shape.HiddenSize / attention.Heads : attention.HeadDimension);
        return attention.Scale is null || architecture.Name == Granite || Math.Abs(factor - 1) < SameFactor ? null : factor;
    }
}
