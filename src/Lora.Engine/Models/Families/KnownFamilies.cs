using Lora.Selection;

namespace Lora.Models;

/// <summary>The families that the engine computes.</summary>
internal static class KnownFamilies
{
    private static readonly Dictionary<string, ModelFamily> ByType = ((ModelFamily[])
    [
        new Bloom(),
        new Cohere(),
        new Falcon(),
        new Gemma(),
        new Gemma2(),
        new Gemma3Text(),
        new Gpt2(),
        new GptJ(),
        new GptNeo(),
        new GptNeox(),
        new GptOss(),
        new Granite(),
        new Llama(),
        new Mistral(),
        new Mixtral(),
        new Olmo2(),
        new Olmoe(),
        new Opt(),
        new Phi(),
        new Phi3(),
        new Qwen2(),
        new Qwen2Moe(),
        new Qwen3(),
        new Qwen3Moe(),
        new SmolLM3(),
        new StableLm(),
        new StarCoder2(),
        .. VisionLanguageFamily.All,
    ]).ToDictionary(family => family.ModelType, StringComparer.Ordinal);

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<ModelFamily> All { get; } = [.. ByType.Values.OrderBy(family => family.ModelType, StringComparer.Ordinal)];

    /// <summary>The family of a model_type; null when it is not known.</summary>
    public static ModelFamily? Find(string modelType) => ByType.GetValueOrDefault(modelType);

    /// <summary>All names for a message, encoders among them, with those that are the nearest to one which is not known. That a name is near says nothing of the model.</summary>
    public static string NearestTo(string modelType)
    {
        string[] known = [.. All.Select(family => family.ModelType).Concat(KnownEncoders.All.Select(family => family.ModelType)).Order(StringComparer.Ordinal)];
        string all = string.Join(", ", known);
        IReadOnlyList<string> nearest = NearestNames.Find(modelType, known);
        return nearest.Count == 0 ? all : $"{all}; nearest by name: {string.Join(", ", nearest)}";
    }
}
