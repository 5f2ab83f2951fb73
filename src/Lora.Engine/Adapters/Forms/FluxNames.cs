namespace Lora.Adapters;

/// <summary>Flux: its authors' names against diffusers'.</summary>
internal static class FluxNames
{
    private const string Double = "transformer_blocks.#.";
    private const string Single = "single_transformer_blocks.#.";
    private const string Times = "time_text_embed.";

    /// <summary>The layer whose output is shift and scale in one, and scale and shift in the other.</summary>
    public const string Swapped = "final_layer.adaLN_modulation.1";

    /// <summary>How wide the MLP of Flux is, in hidden sizes.</summary>
    public const int MlpRatio = 4;

    // The same for the first layer of Flux.2's, which has a gate in it.
    private const int GatedRatio = 6;

    private static readonly (string Original, string[] Parts)[] Attention =
    [
        ("double_blocks.#.img_attn.qkv", [Double + "attn.to_q", Double + "attn.to_k", Double + "attn.to_v"]),
        ("double_blocks.#.txt_attn.qkv", [Double + "attn.add_q_proj", Double + "attn.add_k_proj", Double + "attn.add_v_proj"]),
        ("double_blocks.#.img_attn.proj", [Double + "attn.to_out.0"]),
        ("double_blocks.#.txt_attn.proj", [Double + "attn.to_add_out"]),
    ];

    /// <summary>The names of the first Flux.</summary>
    public static NameTable First { get; } = new(
    [
        .. Attention,
        ("double_blocks.#.img_mlp.0", [Double + "ff.net.0.proj"]),
        ("double_blocks.#.img_mlp.2", [Double + "ff.net.2"]),
        ("double_blocks.#.txt_mlp.0", [Double + "ff_context.net.0.proj"]),
        ("double_blocks.#.txt_mlp.2", [Double + "ff_context.net.2"]),
        ("double_blocks.#.img_mod.lin", [Double + "norm1.linear"]),
        ("double_blocks.#.txt_mod.lin", [Double + "norm1_context.linear"]),
        ("single_blocks.#.linear1", [Single + "attn.to_q", Single + "attn.to_k", Single + "attn.to_v", Single + "proj_mlp"]),
        ("single_blocks.#.linear2", [Single + "proj_out"]),
        ("single_blocks.#.modulation.lin", [Single + "norm.linear"]),
        ("img_in", ["x_embedder"]),
        ("txt_in", ["context_embedder"]),
        ("time_in.in_layer", [Times + "timestep_embedder.linear_1"]),
        ("time_in.out_layer", [Times + "timestep_embedder.linear_2"]),
        ("vector_in.in_layer", [Times + "text_embedder.linear_1"]),
        ("vector_in.out_layer", [Times + "text_embedder.linear_2"]),
        ("guidance_in.in_layer", [Times + "guidance_embedder.linear_1"]),
        ("guidance_in.out_layer", [Times + "guidance_embedder.linear_2"]),
        ("final_layer.linear", ["proj_out"]),
        (Swapped, ["norm_out.linear"]),
    ]);

    /// <summary>The names of the blocks of Flux.2, where diffusers leaves the first layer of a single block joined.</summary>
    public static NameTable Second { get; } = new(
    [
        .. Attention,
        ("double_blocks.#.img_mlp.0", [Double + "ff.linear_in"]),
        ("double_blocks.#.img_mlp.2", [Double + "ff.linear_out"]),
        ("double_blocks.#.txt_mlp.0", [Double + "ff_context.linear_in"]),
        ("double_blocks.#.txt_mlp.2", [Double + "ff_context.linear_out"]),
        ("single_blocks.#.linear1", [Single + "attn.to_qkv_mlp_proj"]),
        ("single_blocks.#.linear2", [Single + "attn.to_out"]),
    ]);

    /// <summary>The names of the attention's processors of XLabs' scripts, which stand for the layers of the first Flux that they work beside.</summary>
    public static NameTable Processors { get; } = new(
    [
        ("double_blocks.#.processor.qkv_lora1", [Double + "attn.to_q", Double + "attn.to_k", Double + "attn.to_v"]),
        ("double_blocks.#.processor.qkv_lora2", [Double + "attn.add_q_proj", Double + "attn.add_k_proj", Double + "attn.add_v_proj"]),
        ("double_blocks.#.processor.proj_lora1", [Double + "attn.to_out.0"]),
        ("double_blocks.#.processor.proj_lora2", [Double + "attn.to_add_out"]),
        ("single_blocks.#.processor.qkv_lora", [Single + "attn.to_q", Single + "attn.to_k", Single + "attn.to_v"]),
        ("single_blocks.#.processor.proj_lora", [Single + "proj_out"]),
    ]);

    /// <summary>The names of a file's modules by the widths of its MLPs, which are gated and so wider in Flux.2.</summary>
    /// <param name="modules">The modules under their authors' names, with the rows of B and the columns of A.</param>
    public static NameTable Of(IEnumerable<(string Name, long Rows, long Columns)> modules) => modules.Any(module =>
        (module.Name.EndsWith("_mlp.0", StringComparison.Ordinal) && module.Rows == GatedRatio * module.Columns)
        || (module.Name.EndsWith(".linear1", StringComparison.Ordinal) && module.Rows == (3 + GatedRatio) * module.Columns)) ? Second : First;

    /// <summary>The table that has all modules under diffusers' names, as far as names tell; null when they are another model's.</summary>
    public static NameTable? Of(IReadOnlyCollection<string> names) => names.Any(name => name.Contains("transformer_blocks.", StringComparison.Ordinal))
        ? new[] { First, Second }.FirstOrDefault(table => names.All(name => table.Original(name) is not null))
        : null;

    /// <summary>How many rows of a joined module each of its parts has: equal ones, and what is left for the MLP.</summary>
    /// <param name="parts">Their number.</param>
    /// <param name="rows">All rows.</param>
    /// <param name="hidden">The width of the module's input, which queries, keys and values have.</param>
    public static long[] Rows(int parts, long rows, long hidden) => parts == 4 ? [hidden, hidden, hidden, rows - (3 * hidden)] : [.. Enumerable.Repeat(rows / parts, parts)];
}
