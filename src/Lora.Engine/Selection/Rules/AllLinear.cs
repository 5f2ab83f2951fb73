namespace Lora.Selection;

/// <summary>PEFT's <c>all-linear</c>: every linear module but the output layer.</summary>
internal static class AllLinear
{
    /// <summary>The pattern that stands for it, in any case.</summary>
    public const string Keyword = "all-linear";

    private static readonly string[] Heads = ["score", "classifier"];

    public static bool IsMeant(LoraConfig config) => Keyword.Equals(config.TargetPattern, StringComparison.OrdinalIgnoreCase);

    /// <summary>The names that are meant. A model of unknown type keeps its output layer, as PEFT does outside of transformers.</summary>
    public static string[] Names(LoraConfig config, IReadOnlyList<LoraModuleInfo> modules, string? modelType)
    {
        string[] linear = [.. modules.Where(module => module.Kind is LoraModuleKind.Linear or LoraModuleKind.Conv1D).Select(module => module.Name)];
        string? output = modelType is null ? null : OutputLayer(config, linear, modelType);
        return [.. linear.Where(name => name != output)];
    }

    private static string? OutputLayer(LoraConfig config, string[] names, string modelType)
    {
        string head = modelType switch
        {
            "gpt_neox" => "embed_out",
            "bert" or "electra" => "cls.predictions.decoder",
            "roberta" or "xlm-roberta" => "lm_head.decoder",
            "distilbert" => "vocab_projector",
            "chatglm" => "transformer.output_layer",
            _ => "lm_head",
        };
        if (names.Contains(head))
        {
            return head;
        }

        return config.TaskType == "SEQ_CLS" ? Heads.FirstOrDefault(names.Contains) : null;
    }
}
