namespace Lora.Adapters;

/// <summary>Wan: its authors' names against diffusers'.</summary>
internal static class WanNames
{
    private const string Block = "blocks.#.";
    private const string Condition = "condition_embedder.";

    /// <summary>The names.</summary>
    public static NameTable Table { get; } = new(
        (Block + "self_attn.q", [Block + "attn1.to_q"]),
        (Block + "self_attn.k", [Block + "attn1.to_k"]),
        (Block + "self_attn.v", [Block + "attn1.to_v"]),
        (Block + "self_attn.o", [Block + "attn1.to_out.0"]),
        (Block + "cross_attn.q", [Block + "attn2.to_q"]),
        (Block + "cross_attn.k", [Block + "attn2.to_k"]),
        (Block + "cross_attn.v", [Block + "attn2.to_v"]),
        (Block + "cross_attn.o", [Block + "attn2.to_out.0"]),
        (Block + "cross_attn.k_img", [Block + "attn2.add_k_proj"]),
        (Block + "cross_attn.v_img", [Block + "attn2.add_v_proj"]),
        (Block + "ffn.0", [Block + "ffn.net.0.proj"]),
        (Block + "ffn.2", [Block + "ffn.net.2"]),
        ("text_embedding.0", [Condition + "text_embedder.linear_1"]),
        ("text_embedding.2", [Condition + "text_embedder.linear_2"]),
        ("time_embedding.0", [Condition + "time_embedder.linear_1"]),
        ("time_embedding.2", [Condition + "time_embedder.linear_2"]),
        ("time_projection.1", [Condition + "time_proj"]),
        ("img_emb.proj.1", [Condition + "image_embedder.ff.net.0.proj"]),
        ("img_emb.proj.3", [Condition + "image_embedder.ff.net.2"]),
        ("head.head", ["proj_out"]));

    /// <summary>Whether modules under diffusers' names are of Wan.</summary>
    public static bool Are(IReadOnlyCollection<string> names) =>
        names.Any(name => name.StartsWith("blocks.", StringComparison.Ordinal)) && names.All(name => Table.Original(name) is not null);
}
