using System.Collections.Frozen;

namespace Lora.Checkpoints;

/// <summary>What the classes of a model_type have in common, as far as names in a checkpoint depend on it.</summary>
/// <param name="BasePrefix">The name under which a class with a head holds the base model; empty when it has none.</param>
/// <param name="OutputHead">The module of the language-modelling head; null when the family has none.</param>
/// <param name="TiedByDefault">Whether the head shares the embedding when config.json does not say.</param>
internal sealed record ModelFamily(string BasePrefix, string? OutputHead, bool TiedByDefault)
{
    private static readonly FrozenDictionary<string, ModelFamily> Families = new Dictionary<string, ModelFamily>(StringComparer.Ordinal)
    {
        ["bert"] = new("bert", "cls.predictions.decoder", true),
        ["bloom"] = new("transformer", "lm_head", true),
        ["cohere"] = new("model", "lm_head", true),
        ["distilbert"] = new("distilbert", "vocab_projector", true),
        ["falcon"] = new("transformer", "lm_head", true),
        ["gemma"] = new("model", "lm_head", true),
        ["gemma2"] = new("model", "lm_head", true),
        ["gemma3_text"] = new("model", "lm_head", true),
        ["gpt2"] = new("transformer", "lm_head", true),
        ["gpt_neo"] = new("transformer", "lm_head", true),
        ["gpt_neox"] = new("gpt_neox", "embed_out", false),
        ["gptj"] = new("transformer", "lm_head", false),
        ["granite"] = new("model", "lm_head", false),
        ["llama"] = new("model", "lm_head", false),
        ["mistral"] = new("model", "lm_head", false),
        ["mixtral"] = new("model", "lm_head", false),
        ["olmo2"] = new("model", "lm_head", false),
        ["opt"] = new("model", "lm_head", true),
        ["phi"] = new("model", "lm_head", false),
        ["phi3"] = new("model", "lm_head", false),
        ["qwen2"] = new("model", "lm_head", false),
        ["qwen2_moe"] = new("model", "lm_head", false),
        ["qwen3"] = new("model", "lm_head", false),
        ["qwen3_moe"] = new("model", "lm_head", false),
        ["roberta"] = new("roberta", "lm_head.decoder", true),
        ["smollm3"] = new("model", "lm_head", true),
        ["stablelm"] = new("model", "lm_head", false),
        ["starcoder2"] = new("model", "lm_head", true),
        ["t5"] = new("", "lm_head", true),
        ["vit"] = new("vit", null, false),
        ["whisper"] = new("model", "proj_out", true),
        ["xlm-roberta"] = new("roberta", "lm_head.decoder", true),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The first parts of names that belong to a head, beside the base model.</summary>
    private static readonly FrozenSet<string> HeadParts = FrozenSet.Create(
        StringComparer.Ordinal,
        "lm_head", "embed_out", "cls", "classifier", "pre_classifier", "score", "qa_outputs", "proj_out", "vocab_transform", "vocab_layer_norm", "vocab_projector");

    /// <summary>Whether the head of a model_type shares the embedding when config.json does not say.</summary>
    public static bool TiesByDefault(string modelType) => Families.TryGetValue(modelType, out ModelFamily? family) && family.TiedByDefault;

    /// <summary>The head that shares the embedding's weight unless the file has one of its own; null when there is none.</summary>
    public static string? TiedHead(ModelIdentity model) =>
        Find(model) is ModelFamily family && HasLanguageHead(model) && (model.TiesEmbeddings ?? family.TiedByDefault) ? family.OutputHead : null;

    /// <summary>
    /// What the training class puts before a name of a file that was saved from the base model alone (<c>h.0.ln_1</c> for
    /// <c>transformer.h.0.ln_1</c>), with its dot; empty when names are whole or the class is not known to have a head.
    /// </summary>
    public static string MissingPrefix(ModelIdentity model, IEnumerable<TensorInfo> tensors)
    {
        bool hasHead = model.Architecture is string name && (name.Contains("For", StringComparison.Ordinal) || HasLanguageHead(model));
        string prefix = hasHead && Find(model) is { BasePrefix.Length: > 0 } family ? family.BasePrefix + "." : "";
        return tensors.Any(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal)) ? "" : prefix;
    }

    /// <summary>True when a name belongs to a head and so takes no prefix.</summary>
    public static bool IsOfHead(string tensorName) => HeadParts.Contains(tensorName.Split('.', 2)[0]);

    private static ModelFamily? Find(ModelIdentity model) => model.ModelType is string type ? Families.GetValueOrDefault(type) : null;

    private static bool HasLanguageHead(ModelIdentity model) =>
        model.Architecture is string name
        && (name.EndsWith("ForCausalLM", StringComparison.Ordinal)
            || name.EndsWith("LMHeadModel", StringComparison.Ordinal)
            || name.EndsWith("ForMaskedLM", StringComparison.Ordinal)
            || name.EndsWith("ForConditionalGeneration", StringComparison.Ordinal));
}
