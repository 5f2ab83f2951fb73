using Lora.Checkpoints;
using Lora.Data;

namespace Lora.Models;

/// <summary>T5 (Google, arXiv 1910.10683), versions 1.0 and 1.1 (Flan-T5).</summary>
/// <remarks>
/// One table of tokens for both stacks; no positions, but a bias of scores by distance, in the first block of each stack and added in all.
/// RMSNorm before each part, and at the end of each stack. No biases; scores are not scaled.
/// The width of heads, d_kv, does not hang on d_model.
/// feed_forward_proj: relu (1.0), or gated-gelu with the tanh form of GELU (1.1).
/// 1.0: the head is the table, of hidden states times d_model^-0.5; 1.1: a head of its own, unscaled.
/// A decoder is given decoder_start_token_id and the labels before; the loss is that of its own places.
/// </remarks>
internal sealed class T5 : EncoderFamily
{
    private const string Gated = "gated-";
    private const int FewestBuckets = 4;

    /// <inheritdoc/>
    public override string ModelType => "t5";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("", "lm_head", TiedByDefault: true) { DefaultTargets = ["q", "v"] };

    /// <inheritdoc/>
    public override IReadOnlyList<TaskKind> Tasks => [TaskKind.Seq2SeqLM];

    /// <inheritdoc/>
    public override TaskShape Read(ConfigValues values, LearnedTask task, int labels)
    {
        string feedForward = values.Text("feed_forward_proj") ?? "relu";
        bool isGated = feedForward.StartsWith(Gated, StringComparison.Ordinal);
        string activation = isGated ? feedForward[Gated.Length..] : feedForward;
        int layers = EncoderSizes.ReadLayers(values, "num_layers", 6);
        StackShape encoder = new()
        {
            HiddenSize = values.Count("d_model", 512),
            Heads = values.Count("num_heads", 8),
            HeadSize = values.Count("d_kv", 64),
            IntermediateSize = values.Count("d_ff", 2048),
            Layers = layers,
            Epsilon = values.Number("layer_norm_epsilon", 1e-6),
            IsGated = isGated,

            // Gated GELU is the tanh form, whatever its name says.
            Activation = isGated && activation == "gelu" ? "gelu_new" : Activations.Check(values, "feed_forward_proj", activation, "relu"),
            Buckets = values.Count("relative_attention_num_buckets", 32),
            MaxDistance = values.Count("relative_attention_max_distance", 128),
        };
        CheckStack(values, encoder);
        bool isTied = values.Flag("tie_word_embeddings", Names.TiedByDefault);
        int vocabulary = values.Count("vocab_size");
        return new SequenceToSequenceShape
        {
            Family = this,
            Task = task,
            VocabularySize = vocabulary,
            Encoder = encoder,
            Decoder = encoder with { IsDecoder = true, Layers = EncoderSizes.ReadLayers(values, "num_decoder_layers", layers) },
            IsTied = isTied,
            // A key of transformers 5; 4 scales where the head is tied.
            ScalesHead = values.Flag("scale_decoder_outputs", isTied),
            PaddingId = EncoderSizes.ReadId(values, "pad_token_id", vocabulary) ?? 0,
            EndId = values.IdOrNull("eos_token_id") ?? 1,
            StartId = EncoderSizes.ReadId(values, "decoder_start_token_id", vocabulary) ?? values.IdOrNull("pad_token_id") ?? 0,
        };
    }

    private static void CheckStack(ConfigValues values, StackShape stack)
    {
        if ((long)stack.Heads * stack.HeadSize > ConfigValues.MostCount)
        {
            values.Report($"num_heads {stack.Heads} x d_kv {stack.HeadSize} is more than {ConfigValues.MostCount}");
        }

        // An encoder has a quarter of the buckets for single distances, a decoder half of them; what is farther lies between these and the largest distance.
        if (stack.Buckets < FewestBuckets || stack.MaxDistance <= stack.Buckets / 2)
        {
            values.Report($"relative_attention_max_distance is {stack.MaxDistance} for {stack.Buckets} relative_attention_num_buckets; expected are at least {FewestBuckets} buckets, and a distance of more than half of them");
        }
    }
}
