namespace Lora.Models;

/// <summary>The families that the engine computes.</summary>
internal static class KnownFamilies
{
    private static readonly Dictionary<string, ModelFamily> ByType = new ModelFamily[]
    {
        new Gemma(),
        new Gemma2(),
        new Gemma3Text(),
        new Gpt2(),
        new GptNeox(),
        new GptOss(),
        new Granite(),
        new Llama(),
        new Mistral(),
        new Mixtral(),
        new Olmo2(),
        new Olmoe(),
        new Opt(),
        new Phi3(),
        new Qwen2(),
        new Qwen2Moe(),
        new Qwen3(),
        new Qwen3Moe(),
        new SmolLM3(),
    }.ToDictionary(family => family.ModelType, StringComparer.Ordinal);

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<ModelFamily> All { get; } = [.. ByType.Values.OrderBy(family => family.ModelType, StringComparer.Ordinal)];

    /// <summary>The family of a model_type; null when it is not known.</summary>
    public static ModelFamily? Find(string modelType) => ByType.GetValueOrDefault(modelType);
}
