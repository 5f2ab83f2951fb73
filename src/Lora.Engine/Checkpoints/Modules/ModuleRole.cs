using System.Globalization;

namespace Lora.Checkpoints;

/// <summary>What a module is in its block, told from its name.</summary>
internal static class ModuleRole
{
    /// <summary>What chooses the experts of a token.</summary>
    public const string Router = "router";

    /// <summary>Stands before the last part of a name inside of one expert, or of the parameter that all experts share.</summary>
    public const string Expert = "expert.";

    /// <summary>Stands before the last part of a name inside of an expert that every token passes.</summary>
    public const string SharedExpert = "shared_expert.";

    // Qwen2-MoE, DeepSeek, Llama 4 and ERNIE; Granite and Hunyuan.
    private static readonly string[] Shared = ["shared_expert", "shared_experts", "shared_mlp"];
    private static readonly string[] Mixtures = ["mlp", "block_sparse_moe", "moe", "feed_forward", "ffn"];

    /// <summary>Whether a name is that of the table of the input tokens, and of no image's.</summary>
    public static bool IsTokenEmbedding(string name) => ModuleParts.Of(name, readsText: true) == LoraModulePart.Text
        && name[(name.LastIndexOf('.') + 1)..] is ("shared" or "embed_tokens" or "tok_embeddings" or "wte" or "word_embeddings" or "embed_in" or "embeddings");

    /// <summary>The role of a dotted name: the last part, with what tells it from a module of the same name in another place of a mixture of experts.</summary>
    public static string Of(string name)
    {
        string[] parts = name.Split('.');
        string last = parts[^1];
        string[] above = parts[..^1];
        return above.Any(Shared.Contains) ? SharedExpert + last
            : above.Contains("experts") && !IsNumber(last) ? Expert + last
            : IsRouter(parts) ? Router
            : last;
    }

    /// <summary>Mixtral's block_sparse_moe.gate, Qwen's mlp.gate, gpt-oss' mlp.router, Granite's block_sparse_moe.router.layer.</summary>
    private static bool IsRouter(string[] parts) => parts switch
    {
        [.., string mixture, "gate" or "router"] => Mixtures.Contains(mixture),
        [.., string mixture, "router", "layer"] => Mixtures.Contains(mixture),
        _ => false,
    };

    private static bool IsNumber(string part) => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _);
}
