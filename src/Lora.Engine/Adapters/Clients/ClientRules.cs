using static Lora.LoraClient;
using static Lora.LoraClientOutcome;

namespace Lora.Adapters;

/// <summary>
/// What clients read of PEFT's format, as of 2026-11-28. Each line was run against the client, or read in its source, which is named; a client may have
/// learned since, and a line that no longer holds is to be changed here and nowhere else.
/// </summary>
internal static class ClientRules
{
    /// <summary>What helps against scalings that llama.cpp does not know.</summary>
    public const string Gguf = "Export it with -Format Gguf, which has the scaling in B.";

    private const string Portable = "Export it as portable.";
    private const string Merge = "Write the model with the adapter merged in.";

    /// <summary>One way in which an adapter fails a client.</summary>
    /// <param name="Client">The client.</param>
    /// <param name="Outcome">What becomes of the adapter there.</param>
    /// <param name="Field">The key or the modules that are in the way; null where the rule does not apply.</param>
    /// <param name="Reason">What the client does with them.</param>
    /// <param name="Remedy">What helps.</param>
    internal sealed record Rule(LoraClient Client, LoraClientOutcome Outcome, Func<AdapterTraits, string?> Field, string Reason, string Remedy);

    /// <summary>The table. PEFT has no line: what is written here it reads.</summary>
    public static IReadOnlyList<Rule> All { get; } =
    [
        // vLLM: vllm/lora/peft_helper.py and lora_model.py (0306474, read).
        new(VLLM, Refused, traits => When(traits.Config.UseDora, "use_dora"), "It refuses DoRA.", Merge),
        new(VLLM, Refused, traits => When(traits.Config.UseLoraBias, "lora_bias"), "It refuses a bias of B.", Merge),
        new(VLLM, Refused, traits => When(traits.Config.Bias != LoraBias.None, "bias"), "It refuses trained biases.", Merge),
        new(VLLM, Refused, traits => Names(traits.Saved.Where(name => name is not ("classifier" or "score"))), "It refuses modules that are saved whole, but classifiers.", Merge),
        new(VLLM, Refused, traits => Names(traits.Tokens), "It refuses rows of single tokens.", Merge), // vllm/lora/utils.py, parse_fine_tuned_lora_name
        new(VLLM, Refused, traits => When(traits.StartsFromAnotherBase, "init_lora_weights"), "It refuses starts that change the base.", "Convert the adapter to a plain one."),

        // SGLang: python/sglang/srt/lora/lora.py and lora_config.py (read).
        new(SGLang, Wrong, traits => When(traits.Config.UseRsLora, "use_rslora"), "It divides lora_alpha by r all the same.", Portable),
        new(SGLang, Wrong, traits => When(traits.AlphasDiffer, "alpha_pattern"), "It takes lora_alpha for every module.", Portable),
        new(SGLang, Refused, traits => When(traits.RanksDiffer, "rank_pattern"), "It holds all modules in one rank.", Portable),
        new(SGLang, Refused, traits => When(traits.Config.TargetPattern is not null, "target_modules"), "It takes a list of module names, and a text only where all are meant.", Portable),
        new(SGLang, Refused, traits => Names(traits.Alone("q_proj", "v_proj")), "It joins q_proj with v_proj, and fails where the one is not there.", Portable),
        new(SGLang, Wrong, traits => Names(traits.Alone("v_proj", "q_proj")), "It joins v_proj with q_proj only, and drops it where it stands alone.", Portable),
        new(SGLang, Refused, traits => When(traits.Config.UseDora, "use_dora"), "It knows A and B only.", Merge),
        new(SGLang, Wrong, traits => When(traits.Config.Bias != LoraBias.None || traits.Config.UseLoraBias, "bias"), "It passes over biases.", Merge),
        new(SGLang, Wrong, traits => Names(traits.Saved), "It passes over modules that are saved whole.", Merge),
        new(SGLang, Wrong, traits => Names(traits.Tokens), "It passes over rows of single tokens.", Merge),

        // TGI and LoRAX: server/text_generation_server/adapters/lora.py (45d95bd, read).
        new(TGI, Wrong, traits => When(traits.AlphasDiffer, "alpha_pattern"), "It takes lora_alpha for every module.", Portable),
        new(TGI, Refused, traits => When(traits.RanksDiffer, "rank_pattern"), "It stacks the blocks of a role, which needs one rank.", Portable),
        new(TGI, Wrong, traits => Names(traits.PartialRoles), "It drops a role that a block lacks in every block, and says nothing.", Portable),
        new(TGI, Wrong, traits => When(traits.Config.UseDora, "use_dora"), "It passes over DoRA's magnitudes.", Merge),
        new(TGI, Wrong, traits => When(traits.Config.Bias != LoraBias.None || traits.Config.UseLoraBias, "bias"), "It passes over biases.", Merge),
        new(TGI, Wrong, traits => When(traits.AdaptsEmbedding, "embed_tokens"), "It passes over embeddings.", Merge),
        new(TGI, Wrong, traits => Names(traits.Saved), "It passes over modules that are saved whole.", Merge),
        new(TGI, Wrong, traits => Names(traits.Tokens), "It passes over rows of single tokens.", Merge),

        // llama.cpp: convert_lora_to_gguf.py and libllama (3f545be, run). A factor's own rank is used, so rank_pattern alone is right.
        new(LlamaCpp, Wrong, traits => When(traits.Config.UseRsLora, "use_rslora"), "It divides lora_alpha by the rank all the same.", Gguf),
        new(LlamaCpp, Wrong, traits => When(traits.AlphasDiffer, "alpha_pattern"), "It takes lora_alpha for every module.", Gguf),
        new(LlamaCpp, Wrong, traits => Names(traits.SavedKinds.Norms), "It converts saved norms and does not use them.", Merge),
        new(LlamaCpp, Refused, traits => Names(traits.SavedKinds.Others), "Its converter stops at modules that are saved whole.", Merge),
        new(LlamaCpp, Refused, traits => When(traits.Config.UseDora, "use_dora"), "Its converter stops at DoRA's magnitudes.", Merge),
        new(LlamaCpp, Refused, traits => When(traits.Config.Bias != LoraBias.None || traits.Config.UseLoraBias, "bias"), "Its converter stops at biases.", Merge),
        new(LlamaCpp, Refused, traits => Names(traits.Tokens), "It has A and B alone, and no rows of single tokens.", Merge),
        new(LlamaCpp, Refused, traits => When(traits.Config.TargetParameter is { Length: > 0 }, "target_parameters"), "It has no adapters of parameters by themselves.", Merge),
        new(LlamaCpp, Refused, traits => traits.Tied, "It has one tensor for a weight that two modules share, and fails on an adapter of it.", Merge),

        // Ollama: takes no ADAPTER since 0.34.1 (its pull request 14969, read).
        new(Ollama, Refused, _ => "adapter_model.safetensors", "It takes no adapters when a model is created, since 0.34.1.", Merge),

        // mlx-lm: mlx_lm/tuner/utils.py (d78bf58, read).
        new(MlxLm, Refused, _ => "adapter_model.safetensors", "It reads a form of its own: adapters.safetensors with transposed factors.", Merge),
    ];

    /// <summary>
    /// The families, as config.json calls them, of which vLLM has a class or names transformers' (vllm/model_executor/models/registry.py, 0002bff, read).
    /// Of those that are trained here it lacks gpt_neo and vipllava.
    /// </summary>
    public static IReadOnlyList<string> FamiliesOfVLLM { get; } =
    [
        "bloom", "cohere", "falcon", "gemma", "gemma2", "gemma3", "gemma3_text", "gpt2", "gpt_neox", "gpt_oss", "gptj", "granite", "idefics3", "internvl", "llama", "llava",
        "llava_next", "llava_next_video", "llava_onevision", "mistral", "mistral3", "mixtral", "olmo2", "olmoe", "opt", "phi", "phi3", "qwen2", "qwen2_5_vl", "qwen2_moe",
        "qwen2_vl", "qwen3", "qwen3_moe", "smollm3", "smolvlm", "stablelm", "starcoder2",
    ];

    private static string? When(bool applies, string field) => applies ? field : null;

    private static string? Names(IEnumerable<string> names)
    {
        const int Shown = 3;
        string[] all = [.. names];
        return all.Length == 0 ? null : string.Join(", ", all.Take(Shown)) + (all.Length > Shown ? $" and {all.Length - Shown} more" : "");
    }
}
