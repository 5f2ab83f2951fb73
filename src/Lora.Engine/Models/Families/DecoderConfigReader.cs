using System.Text.Json;
using Lora.Checkpoints;
using Lora.Kernels;

namespace Lora.Models;

/// <summary>
/// Reads config.json of both generations: transformers 4 (rope_theta, rope_scaling, torch_dtype) and 5 (rope_parameters, layer_types).
/// </summary>
internal static class DecoderConfigReader
{
    private const int MostLayers = 10_000;
    private const long MostBytes = 100_000_000;

    private static readonly string[] TanhGeluNames = ["gelu_pytorch_tanh", "gelu_new"];

    /// <summary>Reads a model folder's configuration.</summary>
    /// <exception cref="LoraException">ConfigMissing, ConfigInvalid or ModelTypeUnknown.</exception>
    public static DecoderConfig Read(string folder)
    {
        string path = Path.Combine(folder, "config.json");
        if (!File.Exists(path))
        {
            throw LoraException.Of(LoraError.ConfigMissing, folder, folder);
        }

        try
        {
            using FileStream stream = RegularFile.Open(path, MostBytes);
            using JsonDocument document = JsonDocument.Parse(stream);
            return Read(new ConfigValues(path, document.RootElement));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The second is what System.Text.Json answers when a string holds half of an escaped surrogate pair.
            throw LoraException.From(exception, LoraError.ConfigInvalid, path, path, exception.Message.TrimEnd('.'));
        }
    }

    private static DecoderConfig Read(ConfigValues values)
    {
        string modelType = values.Text("model_type") ?? "";
        if (!DecoderFamily.Known.TryGetValue(modelType, out DecoderFamily? family))
        {
            string known = string.Join(", ", DecoderFamily.Known.Keys.Order(StringComparer.Ordinal));
            string named = modelType.Length > 0 ? modelType : values.Text("_class_name") ?? ""; // the second is diffusers' name for it
            throw LoraException.Of(LoraError.ModelTypeUnknown, values.Path, values.Path, named, known);
        }

        if (values.TextAt("architectures", 0) is string architecture && !IsLanguageModel(architecture))
        {
            throw LoraException.Of(LoraError.ArchitectureUnsupported, values.Path, values.Path, architecture);
        }

        int hidden = values.Count("hidden_size");
        int heads = values.Count("num_attention_heads");

        // Not always hidden / heads: Qwen3 and Gemma have a head size of their own.
        int headDimension = values.Count("head_dim", family.HeadDimension ?? (hidden / Math.Max(heads, 1)));
        int layers = values.Count("num_hidden_layers");
        if (layers > MostLayers || (long)heads * headDimension > ConfigValues.MostCount)
        {
            // Nothing is made of these numbers before the checkpoint has been asked (RequiredTensors), but lists of this length are.
            values.Report(layers > MostLayers ? $"num_hidden_layers is {layers}; expected are at most {MostLayers}" : $"num_attention_heads {heads} x head_dim {headDimension} is more than {ConfigValues.MostCount}");
            values.ThrowIfAnyProblem();
        }


        // In transformers a family that does not know the key passes over it; so do we.
        bool attentionBias = family.ReadsAttentionBias && values.Flag("attention_bias");
        DecoderConfig config = new()
        {
            ModelType = modelType,
            VocabularySize = values.Count("vocab_size"),
            Positions = values.CountOrNull("max_position_embeddings"),
            HiddenSize = hidden,
            IntermediateSize = values.Count("intermediate_size"),
            Layers = layers,
            Heads = heads,
            KeyValueHeads = values.Count("num_key_value_heads", family.KeyValueHeads ?? heads),
            HeadDimension = headDimension,
            NormEpsilon = values.Number("rms_norm_eps", family.NormEpsilon),
            Rope = RopeReader.Read(values, family, headDimension),
            QueryKeyValueBias = family.QueryKeyValueBias || attentionBias,
            OutputBias = attentionBias,
            MlpBias = family.ReadsMlpBias && values.Flag("mlp_bias"),
            QueryKeyNorm = family.QueryKeyNorm,
            JoinsProjections = family.JoinsProjections,
            Activation = family.Activation,
            NormsAddOne = family.NormsAddOne,
            ScalesEmbedding = family.ScalesEmbedding,
            HasOutputNorms = family.HasOutputNorms,
            QueryScalar = values.PositiveUnlessNull("query_pre_attn_scalar", family.QueryScalar),
            ScoreCap = values.PositiveUnlessNull("attn_logit_softcapping", family.ScoreCap),
            LogitCap = values.PositiveUnlessNull("final_logit_softcapping", family.LogitCap),
            TiedEmbeddings = values.Flag("tie_word_embeddings", ModelFamily.TiesByDefault(modelType)),
            SlidingWindows = [.. Enumerable.Range(0, layers).Select(layer => ReadWindow(values, family, layer))],
        };

        // Reported with all else that is wrong, so that a file is mended once.
        if (config.Heads % config.KeyValueHeads != 0)
        {
            values.Report($"num_attention_heads {config.Heads} is not a multiple of num_key_value_heads {config.KeyValueHeads}");
        }

        if (values.Flag("use_bidirectional_attention"))
        {
            values.ReportUnsupported("use_bidirectional_attention is true; tokens see only those before them");
        }

        CheckActivation(values, family.Activation);
        values.ThrowIfAnyProblem();
        return config;
    }

    /// <summary>A class with a head over the vocabulary, or the bare body, whose embedding may serve as one; a classifier has the same body and another head.</summary>
    private static bool IsLanguageModel(string architecture) =>
        !architecture.Contains("For", StringComparison.Ordinal) || architecture.Contains("ForCausalLM", StringComparison.Ordinal);

    /// <summary>
    /// Gemma's first configurations say "gelu" in hidden_act, and their models are trained with the tanh form all the same; hidden_activation,
    /// where it is there, means what it says.
    /// </summary>
    private static void CheckActivation(ConfigValues values, GateActivation computed)
    {
        (string key, string[] names) = computed == GateActivation.Silu ? ("hidden_act", ["silu", "swish"])
            : values.Text("hidden_activation") is null ? ("hidden_act", TanhGeluNames.Append("gelu").ToArray())
            : ("hidden_activation", TanhGeluNames);
        if (values.Text(key) is string activation && !names.Contains(activation))
        {
            values.Report($"{key} '{activation}' is not {names[0]}, which the block computes");
        }
    }

    private static int? ReadWindow(ConfigValues values, DecoderFamily family, int layer)
    {
        int? window = values.Has("sliding_window") ? values.CountOrNull("sliding_window") : family.SlidingWindow;

        // Newer files write each layer's kind; older ones leave it to the family.
        if (values.TextAt("layer_types", layer) is string kind)
        {
            return kind == "sliding_attention" ? window : null;
        }

        bool slides = family.EverySecondSlides ? layer % 2 == 0
            : !family.WindowIsOptIn || (values.Flag("use_sliding_window") && layer >= values.Count("max_window_layers", 28));
        return slides ? window : null;
    }
}
