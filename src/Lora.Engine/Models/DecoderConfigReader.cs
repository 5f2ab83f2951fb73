using System.Text.Json;

namespace Lora.Models;

/// <summary>
/// Reads config.json of both generations: transformers 4 (rope_theta, rope_scaling, torch_dtype) and 5 (rope_parameters, layer_types).
/// </summary>
internal static class DecoderConfigReader
{
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
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
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
            throw LoraException.Of(LoraError.ModelTypeUnknown, values.Path, values.Path, modelType, known);
        }

        int hidden = values.Count("hidden_size");
        int heads = values.Count("num_attention_heads");
        int layers = values.Count("num_hidden_layers");
        bool attentionBias = family.ReadsAttentionBias && values.Flag("attention_bias");
        DecoderConfig config = new()
        {
            ModelType = modelType,
            VocabularySize = values.Count("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = values.Count("intermediate_size"),
            Layers = layers,
            Heads = heads,
            KeyValueHeads = values.Count("num_key_value_heads", family.KeyValueHeads ?? heads),
            HeadDimension = values.Count("head_dim", family.HeadDimension ?? (hidden / Math.Max(heads, 1))),
            NormEpsilon = values.Number("rms_norm_eps", 1e-6),
            Rope = ReadRope(values),
            QueryKeyValueBias = family.QueryKeyValueBias || attentionBias,
            OutputBias = attentionBias,
            MlpBias = family.ReadsMlpBias && values.Flag("mlp_bias"),
            QueryKeyNorm = family.QueryKeyNorm,
            TiedEmbeddings = values.Flag("tie_word_embeddings"),
            SlidingWindows = [.. Enumerable.Range(0, layers).Select(layer => ReadWindow(values, family, layer))],
        };

        if (config.Heads % config.KeyValueHeads != 0)
        {
            values.Report($"num_attention_heads {config.Heads} is not a multiple of num_key_value_heads {config.KeyValueHeads}");
        }

        if (config.HeadDimension % 2 != 0)
        {
            values.Report($"head_dim {config.HeadDimension} is odd; the rotation needs pairs");
        }

        if (values.Text("hidden_act") is string activation and not "silu" and not "swish")
        {
            values.Report($"hidden_act '{activation}' is not silu, which the block computes");
        }

        values.ThrowIfAnyProblem();
        return config;
    }

    private static RopeParameters ReadRope(ConfigValues values)
    {
        ConfigValues nested = values.Object("rope_parameters") ?? values.Object("rope_scaling") ?? values.Empty();
        RopeParameters rope = new(nested.NumberOrNull("rope_theta") ?? values.Number("rope_theta", 10000))
        {
            Factor = nested.Number("factor", 1),
            LowFrequencyFactor = nested.Number("low_freq_factor", 1),
            HighFrequencyFactor = nested.Number("high_freq_factor", 4),
            OriginalPositions = nested.Number("original_max_position_embeddings", 8192),
        };

        string kind = nested.Text("rope_type") ?? nested.Text("type") ?? "default";
        if (kind is not ("default" or "linear" or "llama3"))
        {
            values.Report($"rope scaling of type '{kind}' is not supported; default, linear and llama3 are");
        }

        return rope with { Scaling = kind switch { "linear" => RopeScaling.Linear, "llama3" => RopeScaling.Llama3, _ => RopeScaling.None } };
    }

    private static int? ReadWindow(ConfigValues values, DecoderFamily family, int layer)
    {
        int? window = values.Has("sliding_window") ? values.CountOrNull("sliding_window") : family.SlidingWindow;
        if (values.TextAt("layer_types", layer) is string kind)
        {
            return kind == "sliding_attention" ? window : null;
        }

        bool slides = !family.WindowIsOptIn || (values.Flag("use_sliding_window") && layer >= values.Count("max_window_layers", 28));
        return slides ? window : null;
    }
}
