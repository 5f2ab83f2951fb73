using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Models;

namespace Lora.Export;

/// <summary>What llama.cpp's loader is told of a model's shape: the keys of its src/llama-arch.cpp, after the architecture's name.</summary>
internal static class GgufHyperparameters
{
    // Of a model whose configuration does not say: as many as llama.cpp would allow for at the least.
    private const int FewestPositions = 512;

    private const int PoolingOfRanks = 4; // LLAMA_POOLING_TYPE_RANK

    /// <summary>The keys and values.</summary>
    public static IEnumerable<GgufField> Of(TaskShape shape, GgufArchitecture architecture)
    {
        IEnumerable<GgufField> own = shape switch
        {
            SequenceToSequenceShape stacks => OfStacks(stacks),
            EncoderShape encoder => OfEncoder(encoder),
            _ => OfDecoder((ModelShape)shape, architecture),
        };
        return [.. own.Select(field => field with { Key = $"{architecture.Name}.{field.Key}" }), .. shape is EncoderShape { Embedding.TokenTypes: int kinds } ? [Number("tokenizer.ggml.token_type_count", kinds)] : Array.Empty<GgufField>()];
    }

    private static IEnumerable<GgufField> OfDecoder(ModelShape shape, GgufArchitecture architecture)
    {
        AttentionShape attention = GgufShape.AttentionOf(shape.Blocks[0]);
        yield return Number("block_count", shape.Blocks.Count);
        yield return Number("context_length", shape.Positions ?? shape.Embedding.Positions?.Count ?? FewestPositions);
        yield return Number("embedding_length", shape.HiddenSize);
        yield return Number("vocab_size", shape.VocabularySize);
        yield return Number("attention.head_count", attention.Heads);
        yield return Number("attention.head_count_kv", attention.KeyValueHeads);
        yield return Number("attention.key_length", attention.HeadDimension);
        yield return Number("attention.value_length", attention.HeadDimension);
        NormShape norm = shape.FinalNorm!;
        yield return Real(norm.Kind is NormKind.Layer ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", norm.Epsilon);
        foreach (GgufField field in OfMlp(GgufShape.MlpOf(shape.Blocks[0])).Concat(OfRotation(shape, attention)).Concat(OfFamily(shape, architecture, attention)))
        {
            yield return field;
        }
    }

    /// <summary>A classifier's: its labels are what llama.cpp calls ranks.</summary>
    private static IEnumerable<GgufField> OfEncoder(EncoderShape shape) =>
    [
        Number("block_count", shape.Layers),
        Number("context_length", shape.Embedding.Positions),
        Number("embedding_length", shape.Block.HiddenSize),
        Number("feed_forward_length", shape.Block.IntermediateSize),
        Number("vocab_size", shape.VocabularySize),
        Number("attention.head_count", shape.Block.Heads),
        Real("attention.layer_norm_epsilon", shape.Block.AttentionNorm.Epsilon),
        new("attention.causal", GgufValue.Of(false)),
        Number("pooling_type", PoolingOfRanks),
        new("classifier.output_labels", GgufValue.OfArray(shape.Task.Labels?.Names is { Count: > 0 } names ? names : LabelSet.Unnamed(((ClassHeadShape)shape.Head).Labels))),
    ];

    private static IEnumerable<GgufField> OfStacks(SequenceToSequenceShape shape) =>
    [
        Number("block_count", shape.Encoder.Layers),
        Number("decoder_block_count", shape.Decoder.Layers),
        Number("context_length", shape.Positions ?? FewestPositions),
        Number("embedding_length", shape.Encoder.HiddenSize),
        Number("feed_forward_length", shape.Encoder.IntermediateSize),
        Number("vocab_size", shape.VocabularySize),
        Number("attention.head_count", shape.Encoder.Heads),
        Number("attention.key_length", shape.Encoder.HeadSize),
        Number("attention.value_length", shape.Encoder.HeadSize),
        Number("attention.relative_buckets_count", shape.Encoder.Buckets),
        Real("attention.layer_norm_rms_epsilon", shape.Encoder.Epsilon),
        Number("decoder_start_token_id", shape.StartId),
    ];

    private static IEnumerable<GgufField> OfMlp(MlpShape mlp)
    {
        switch (mlp)
        {
            case GatedMlpShape gated:
                yield return Number("feed_forward_length", gated.IntermediateSize);
                break;
            case PlainMlpShape plain:
                yield return Number("feed_forward_length", plain.IntermediateSize);
                break;
            case MixtureShape { Experts: SeparateExpertsShape experts } mixture:
                yield return Number("feed_forward_length", experts.Expert.IntermediateSize);
                yield return Number("expert_feed_forward_length", experts.Expert.IntermediateSize);
                yield return Number("expert_count", experts.Count);
                yield return Number("expert_used_count", mixture.Router.Chosen);
                break;
        }
    }

    private static IEnumerable<GgufField> OfRotation(ModelShape shape, AttentionShape attention)
    {
        // Of Gemma 3 the blocks without a window have the rotation that the file states; of SmolLM3 some blocks have none.
        RopeParameters? rope = shape.Blocks.Select(GgufShape.AttentionOf).Where(block => block.Window is null && block.Rope is not null).Select(block => block.Rope).FirstOrDefault() ?? attention.Rope;
        if (rope is null)
        {
            yield break;
        }

        yield return Number("rope.dimension_count", rope.RotatedValues(attention.HeadDimension));
        yield return Real("rope.freq_base", rope.Theta);
        switch (rope.Scaling)
        {
            case RopeScaling.Linear:
                yield return Text("rope.scaling.type", "linear");
                yield return Real("rope.scaling.factor", rope.Factor);
                break;
            case RopeScaling.Yarn:
                yield return Text("rope.scaling.type", "yarn");
                yield return Real("rope.scaling.factor", rope.Factor);
                yield return Number("rope.scaling.original_context_length", (int)rope.OriginalPositions);
                break;
            case RopeScaling.LongRope:
                yield return Number("rope.scaling.original_context_length", (int)rope.OriginalPositions);
                yield return Real("rope.scaling.attn_factor", rope.AttentionFactor);
                break;
        }
    }

    /// <summary>What one architecture has that others lack.</summary>
    private static IEnumerable<GgufField> OfFamily(ModelShape shape, GgufArchitecture architecture, AttentionShape attention)
    {
        switch (architecture.Name)
        {
            case "gemma2":
                yield return Real("attn_logit_softcapping", attention.ScoreCap!.Value);
                yield return Real("final_logit_softcapping", shape.Head.Cap!.Value);
                yield return Number("attention.sliding_window", GgufLimits.WindowOf(shape));
                break;
            case "gemma3":
                yield return Number("attention.sliding_window", GgufLimits.WindowOf(shape));
                break;
            case "gptneox":
                yield return new("use_parallel_residual", GgufValue.Of(shape.Blocks[0] is ParallelShape));
                break;
            case GgufShape.Granite:
                yield return Real("attention.scale", attention.Scale ?? (1 / Math.Sqrt(attention.HeadDimension)));
                yield return Real("embedding_scale", shape.Embedding.Scale ?? 1);
                yield return Real("residual_scale", shape.Blocks[0] is PreNormShape block ? block.ResidualScale : 1);
                yield return Real("logit_scale", 1 / shape.Head.Scale);
                break;
        }
    }

    private static GgufField Number(string key, int value) => new(key, GgufValue.Of((uint)value));

    private static GgufField Real(string key, double value) => new(key, GgufValue.Of((float)value));

    private static GgufField Text(string key, string value) => new(key, GgufValue.Of(value));
}
