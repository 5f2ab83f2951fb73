using System.Text.Json;
using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Reads config.json of both generations: transformers 4 (rope_theta, rope_scaling, torch_dtype) and 5 (rope_parameters, layer_types).</summary>
internal static class ModelConfigReader
{
    private const long MostBytes = 100_000_000;

    /// <summary>Reads a model folder's configuration.</summary>
    /// <exception cref="LoraException">ConfigMissing, ConfigInvalid, ConfigUnsupported, ModelTypeUnknown or ArchitectureUnsupported.</exception>
    public static ModelShape Read(string folder) => Open(folder, values => Read(values, hasVocabularyHead: true));

    /// <summary>What a reader makes of a model folder's config.json.</summary>
    /// <exception cref="LoraException">ConfigMissing, ConfigInvalid, or what the reader throws.</exception>
    public static T Open<T>(string folder, Func<ConfigValues, T> read)
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
            return read(new ConfigValues(path, document.RootElement));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The second is what System.Text.Json answers when a string holds half of an escaped surrogate pair.
            throw LoraException.From(exception, LoraError.ConfigInvalid, path, path, exception.Message.TrimEnd('.'));
        }
    }

    /// <summary>The decoder that a config.json describes.</summary>
    /// <param name="values">The file.</param>
    /// <param name="hasVocabularyHead">Whether its class has to be one with a head over the vocabulary.</param>
    /// <exception cref="LoraException">ConfigInvalid, ConfigUnsupported, ModelTypeUnknown or ArchitectureUnsupported.</exception>
    public static ModelShape Read(ConfigValues values, bool hasVocabularyHead)
    {
        string modelType = values.Text("model_type") ?? "";
        if (KnownFamilies.Find(modelType) is not ModelFamily family)
        {
            string named = modelType.Length > 0 ? modelType : values.Text("_class_name") ?? ""; // the second is diffusers' name for it
            throw LoraException.Of(LoraError.ModelTypeUnknown, values.Path, values.Path, named, KnownFamilies.NearestTo(named));
        }

        if (hasVocabularyHead && values.TextAt("architectures", 0) is string architecture && !family.IsLanguageModel(architecture))
        {
            throw LoraException.Of(LoraError.ArchitectureUnsupported, values.Path, values.Path, architecture);
        }

        if (!hasVocabularyHead && family is VisionLanguageFamily)
        {
            values.ReportUnsupported($"models of type '{modelType}' have no classifier; their language model is trained on text");
        }

        ModelShape shape = family.Read(values);
        // As EmbeddingGemma's file has it, whose model_type is that of a decoder.
        if (values.Flag("use_bidirectional_attention"))
        {
            values.ReportUnsupported("use_bidirectional_attention is true; tokens see only those before them");
        }

        values.ThrowIfAnyProblem();
        return shape;
    }
}
