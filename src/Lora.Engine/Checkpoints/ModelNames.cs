using System.Collections.Frozen;
using Lora.Models;

namespace Lora.Checkpoints;

/// <summary>Where heads and base models lie in checkpoints, by model_type.</summary>
internal static class ModelNames
{
    private const string UsualHead = "lm_head";

    /// <summary>Families that are listed and chosen from, and not trained on rows.</summary>
    private static readonly FrozenDictionary<string, FamilyNames> Listed = new Dictionary<string, FamilyNames>(StringComparer.Ordinal)
    {
        ["albert"] = new("albert", "predictions.decoder", true),
        ["chatglm"] = new("", "transformer.output_layer", false),
        ["electra"] = new("electra", "generator_lm_head", true),
        ["ernie"] = new("ernie", "cls.predictions.decoder", true),
        ["hf_olmo"] = new("", "model.transformer.ff_out", false),
        ["internlm2"] = new("model", "output", false),
        ["layoutlm"] = new("layoutlm", "cls.predictions.decoder", true),
        ["mamba"] = new("backbone", "lm_head", true),
        ["modernbert"] = new("model", "decoder", true),
        ["mpnet"] = new("mpnet", "lm_head.decoder", true),
        ["rwkv"] = new("rwkv", "head", false),
        ["vit"] = Vit.Names,
        ["whisper"] = new("model", "proj_out", true),
        ["xlnet"] = new("transformer", "lm_loss", true),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The first parts of names that belong to a head, beside the base model.</summary>
    private static readonly FrozenSet<string> HeadParts = FrozenSet.Create(
        StringComparer.Ordinal,
        "lm_head", "embed_out", "cls", "classifier", "pre_classifier", "score", "qa_outputs", "proj_out", "vocab_transform", "vocab_layer_norm", "vocab_projector",
        "generator_lm_head", "generator_predictions", "predictions", "lm_loss");

    /// <summary>
    /// The output layer, as transformers' get_output_embeddings gives it; null when there is none among the names. Families without an entry call
    /// it lm_head, at the root or, where a language model is a part of the whole, inside that part.
    /// </summary>
    /// <param name="modelType">The model's type.</param>
    /// <param name="names">The names of the model's modules.</param>
    public static string? HeadAmong(string modelType, IReadOnlyCollection<string> names)
    {
        string head = Find(modelType) is FamilyNames family ? family.OutputHead ?? "" : UsualHead;
        return names.Contains(head) ? head : names.FirstOrDefault(name => name.EndsWith("." + UsualHead, StringComparison.Ordinal));
    }

    /// <summary>The names of a model_type; null when nothing is known of it.</summary>
    public static FamilyNames? Find(string modelType) => KnownFamilies.Find(modelType)?.Names ?? KnownEncoders.Find(modelType)?.Names ?? Listed.GetValueOrDefault(modelType);

    /// <summary>The head that shares the embedding's weight unless the file has one of its own; null when there is none.</summary>
    public static string? TiedHead(ModelIdentity model) =>
        // transformers leaves out of config.json what its class has by default.
        Find(model) is FamilyNames family && HasLanguageHead(model) && (model.TiesEmbeddings ?? family.TiedByDefault) ? family.OutputHead : null;

    /// <summary>
    /// What the training class puts before a name of a file that was saved from the base model alone (<c>h.0.ln_1</c> for
    /// <c>transformer.h.0.ln_1</c>), with its dot; empty when names are whole or the class is not known to have a head.
    /// </summary>
    /// <param name="model">What config.json says.</param>
    /// <param name="tensors">The names in the file.</param>
    /// <param name="underHead">Whether the class is one with a head, whatever config.json says.</param>
    public static string MissingPrefix(ModelIdentity model, IEnumerable<string> tensors, bool underHead = false)
    {
        bool hasHead = underHead || model.Architecture is string name && (name.Contains("For", StringComparison.Ordinal) || HasLanguageHead(model));
        string prefix = hasHead && Find(model) is { BasePrefix.Length: > 0 } family ? family.BasePrefix + "." : "";
        return tensors.Any(tensor => tensor.StartsWith(prefix, StringComparison.Ordinal)) ? "" : prefix;
    }

    /// <summary>True when a name belongs to a head and so takes no prefix.</summary>
    public static bool IsOfHead(string tensorName) => HeadParts.Contains(tensorName.Split('.', 2)[0]);

    private static FamilyNames? Find(ModelIdentity model) => model.ModelType is string type ? Find(type) : null;

    private static bool HasLanguageHead(ModelIdentity model) =>
        model.Architecture is string name
        && (name.EndsWith("ForCausalLM", StringComparison.Ordinal)
            || name.EndsWith("LMHeadModel", StringComparison.Ordinal)
            || name.EndsWith("ForMaskedLM", StringComparison.Ordinal)
            || name.EndsWith("ForConditionalGeneration", StringComparison.Ordinal));
}
