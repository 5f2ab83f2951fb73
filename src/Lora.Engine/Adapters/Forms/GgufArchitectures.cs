namespace Lora.Adapters;

/// <summary>The architectures of llama.cpp whose models are written and read here (its src/llama-arch.cpp, and the classes of convert_hf_to_gguf.py for the order of rows).</summary>
internal static class GgufArchitectures
{
    private static readonly (string File, string Model)[] Attention =
        [("attn_q", "self_attn.q_proj"), ("attn_k", "self_attn.k_proj"), ("attn_v", "self_attn.v_proj"), ("attn_output", "self_attn.o_proj")];

    private static readonly (string File, string Model)[] HeadNorms = [("attn_q_norm", "self_attn.q_norm"), ("attn_k_norm", "self_attn.k_norm")];

    private static readonly (string File, string Model)[] Mlp = [("ffn_gate", "mlp.gate_proj"), ("ffn_up", "mlp.up_proj"), ("ffn_down", "mlp.down_proj")];

    // llama.cpp calls a norm by what comes after it: that behind the attention stands before the MLP.
    private static readonly (string File, string Model)[] Norms = [("attn_norm", "input_layernorm"), ("ffn_norm", "post_attention_layernorm")];

    private static readonly (string File, string Model)[] FourNorms =
    [
        ("attn_norm", "input_layernorm"), ("post_attention_norm", "post_attention_layernorm"),
        ("ffn_norm", "pre_feedforward_layernorm"), ("post_ffw_norm", "post_feedforward_layernorm"),
    ];

    private static readonly (string File, string Model)[] MixtralExperts =
    [
        ("ffn_gate_inp", "block_sparse_moe.gate"), ("ffn_gate_exps", "block_sparse_moe.experts.*.w1"),
        ("ffn_up_exps", "block_sparse_moe.experts.*.w3"), ("ffn_down_exps", "block_sparse_moe.experts.*.w2"),
    ];

    private static readonly (string File, string Model)[] QwenExperts =
    [
        ("ffn_gate_inp", "mlp.gate"), ("ffn_gate_exps", "mlp.experts.*.gate_proj"),
        ("ffn_up_exps", "mlp.experts.*.up_proj"), ("ffn_down_exps", "mlp.experts.*.down_proj"),
    ];

    private static readonly (string File, string Model) T5Positions = ("attn_rel_b", "layer.0.SelfAttention.relative_attention_bias");

    private static readonly string[] AllLinear = [.. Attention.Concat(Mlp).Select(pair => pair.File)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<GgufArchitecture> All { get; } =
    [
        new("llama", "llama", "mistral", "mixtral") { InBlock = [.. Norms, .. Attention, .. Mlp, .. MixtralExperts], PairsRows = true, Biases = AllLinear },
        new("granite", "granite") { InBlock = [.. Norms, .. Attention, .. Mlp], PairsRows = true, Biases = AllLinear },
        new("smollm3", "smollm3") { InBlock = [.. Norms, .. Attention, .. Mlp], PairsRows = true, Biases = AllLinear },
        new("qwen2", "qwen2") { InBlock = [.. Norms, .. Attention, .. Mlp], Biases = ["attn_q", "attn_k", "attn_v"] },
        new("qwen3", "qwen3") { InBlock = [.. Norms, .. Attention, .. HeadNorms, .. Mlp] },
        new("qwen3moe", "qwen3_moe") { InBlock = [.. Norms, .. Attention, .. HeadNorms, .. QwenExperts] },
        new("gemma", "gemma") { InBlock = [.. Norms, .. Attention, .. Mlp], AddsOneToNorms = true },
        new("gemma2", "gemma2") { InBlock = [.. FourNorms, .. Attention, .. Mlp], AddsOneToNorms = true },
        new("gemma3", "gemma3_text") { InBlock = [.. FourNorms, .. Attention, .. HeadNorms, .. Mlp], AddsOneToNorms = true },
        new("phi3", "phi3")
        {
            InBlock = [.. Norms, ("attn_qkv", "self_attn.qkv_proj"), ("attn_output", "self_attn.o_proj"), ("ffn_up", "mlp.gate_up_proj"), ("ffn_down", "mlp.down_proj")],
        },
        new("gpt2", "gpt2")
        {
            Blocks = "transformer.h.",
            InBlock = [("attn_norm", "ln_1"), ("attn_qkv", "attn.c_attn"), ("attn_output", "attn.c_proj"), ("ffn_norm", "ln_2"), ("ffn_up", "mlp.c_fc"), ("ffn_down", "mlp.c_proj")],
            Beside = [("token_embd", "transformer.wte"), ("position_embd", "transformer.wpe"), ("output_norm", "transformer.ln_f"), ("output", "lm_head")],
            Biases = null,
        },
        new("gptneox", "gpt_neox")
        {
            Blocks = "gpt_neox.layers.",
            InBlock =
            [
                .. Norms, ("attn_qkv", "attention.query_key_value"), ("attn_output", "attention.dense"),
                ("ffn_up", "mlp.dense_h_to_4h"), ("ffn_down", "mlp.dense_4h_to_h"),
            ],
            Beside = [("token_embd", "gpt_neox.embed_in"), ("output_norm", "gpt_neox.final_layer_norm"), ("output", "embed_out")],
            Biases = null,
            SplitsHeads = true,
        },
        new("bert", "bert")
        {
            TaskType = "SEQ_CLS",
            Blocks = "bert.encoder.layer.",
            InBlock =
            [
                ("attn_q", "attention.self.query"), ("attn_k", "attention.self.key"), ("attn_v", "attention.self.value"), ("attn_output", "attention.output.dense"),
                ("attn_output_norm", "attention.output.LayerNorm"), ("ffn_up", "intermediate.dense"), ("ffn_down", "output.dense"), ("layer_output_norm", "output.LayerNorm"),
            ],
            Beside =
            [
                ("token_embd", "bert.embeddings.word_embeddings"), ("position_embd", "bert.embeddings.position_embeddings"), ("token_types", "bert.embeddings.token_type_embeddings"),
                ("token_embd_norm", "bert.embeddings.LayerNorm"), ("cls", "bert.pooler.dense"), ("cls.output", "classifier"),
            ],
            Biases = null,
        },
        new("t5", "t5")
        {
            TaskType = "SEQ_2_SEQ_LM",
            FileBlocks = "enc.blk.",
            Blocks = "encoder.block.",
            InBlock = [.. T5Attention("attn", 0, "SelfAttention"), T5Positions, .. T5Mlp(1)],
            Decoder = new("dec.blk.", "decoder.block.", [.. T5Attention("attn", 0, "SelfAttention"), T5Positions, .. T5Attention("cross_attn", 1, "EncDecAttention"), .. T5Mlp(2)]),
            Beside = [("token_embd", "shared"), ("enc.output_norm", "encoder.final_layer_norm"), ("dec.output_norm", "decoder.final_layer_norm"), ("output", "lm_head")],
        },
    ];

    /// <summary>The types of models that are written, for messages.</summary>
    public static string Known { get; } = string.Join(", ", All.SelectMany(architecture => architecture.ModelTypes).Order(StringComparer.Ordinal));

    private static IEnumerable<(string File, string Model)> T5Attention(string file, int layer, string model) =>
        [($"{file}_norm", $"layer.{layer}.layer_norm"), .. "qkvo".Select(part => ($"{file}_{part}", $"layer.{layer}.{model}.{part}"))];

    /// <summary>wi of T5 1.0; wi_0, the gate, and wi_1 of 1.1.</summary>
    private static IEnumerable<(string File, string Model)> T5Mlp(int layer) =>
        [
            ("ffn_norm", $"layer.{layer}.layer_norm"), ("ffn_up", $"layer.{layer}.DenseReluDense.wi"), ("ffn_gate", $"layer.{layer}.DenseReluDense.wi_0"),
            ("ffn_up", $"layer.{layer}.DenseReluDense.wi_1"), ("ffn_down", $"layer.{layer}.DenseReluDense.wo"),
        ];

    /// <summary>The architecture of a model_type; null where there is none here.</summary>
    public static GgufArchitecture? OfModel(string modelType) => All.FirstOrDefault(architecture => architecture.ModelTypes.Contains(modelType));

    /// <summary>The architecture of a file's <c>general.architecture</c>; null where there is none here.</summary>
    public static GgufArchitecture? Named(string? name) => All.FirstOrDefault(architecture => architecture.Name == name);
}
