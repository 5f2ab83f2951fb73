using System.Collections.Frozen;

namespace Lora.Checkpoints;

/// <summary>
/// The order of the modules that share a parent: as a model registers them where the field's common names tell it, else by name.
/// Numbers are compared as numbers, so layer 10 follows layer 9.
/// </summary>
internal sealed class ModuleOrder : IComparer<string>
{
    /// <summary>Stands among the common names for every name that is not one of them, the numbered blocks above all.</summary>
    private const string Others = "";

    private static readonly string[] Common =
    [
        "shared", "embed_tokens", "tok_embeddings", "wte", "embed_in", "word_embeddings", "wpe", "embed_positions", "position_embeddings",
        "token_type_embeddings", "embeddings", "patch_embeddings", "time_text_embed", "context_embedder", "x_embedder", "project_in",
        "transform", "encoder", "decoder", "transformer_blocks", "single_transformer_blocks",
        "ln_1", "self_attn", "self_attention", "SelfAttention", "EncDecAttention", "attn", "attention", "self", "ln_2", "mlp", "intermediate",
        "q_proj", "q_a_proj", "q_a_layernorm", "q_b_proj", "kv_a_proj_with_mqa", "kv_a_layernorm", "kv_b_proj", "wq", "wk", "wv", "q_lin", "query", "q", "to_q", "query_key_value", "qkv_proj", "c_attn", "k_proj", "k_lin", "key", "k", "to_k",
        "v_proj", "v_lin", "value", "v", "to_v", "add_q_proj", "add_k_proj", "add_v_proj", "o_proj", "o", "out_proj", "out_lin", "to_out", "to_add_out",
        "q_norm", "k_norm", "gate", "gate_proj", "up_proj", "gate_up_proj", "c_fc", "wi", "wi_0", "wi_1", "dense_h_to_4h",
        "down_proj", "c_proj", "wo", "dense_4h_to_h", "dense", "proj_mlp",
        Others,
        "output", "norm", "ln_f", "final_layernorm", "final_layer_norm", "layernorm", "layer_norm", "LayerNorm", "norm_out", "project_out", "pooler",
        "pre_classifier", "vocab_transform", "vocab_layer_norm", "vocab_projector", "proj_out", "cls", "classifier", "score", "lm_head", "embed_out",
    ];

    private static readonly FrozenDictionary<string, int> Ranks =
        Common.Index().ToFrozenDictionary(entry => entry.Item, entry => entry.Index, StringComparer.Ordinal);

    public static ModuleOrder Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        int byRank = Rank(x!).CompareTo(Rank(y!));
        return byRank != 0 ? byRank : CompareNaturally(x, y);
    }

    private static int Rank(string part) => Ranks.TryGetValue(part, out int rank) ? rank : Ranks[Others];

    /// <summary>Compares texts run by run: digits by the number they write, everything else by its characters.</summary>
    private static int CompareNaturally(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
    {
        while (!left.IsEmpty && !right.IsEmpty)
        {
            int result;
            int leftDigits = LeadingDigits(left);
            int rightDigits = LeadingDigits(right);
            if (leftDigits > 0 && rightDigits > 0)
            {
                ReadOnlySpan<char> leftNumber = left[..leftDigits].TrimStart('0');
                ReadOnlySpan<char> rightNumber = right[..rightDigits].TrimStart('0');
                // By the digits: a file's name may hold a number that no integer type does.
                int byLength = leftNumber.Length.CompareTo(rightNumber.Length);
                result = byLength != 0 ? byLength : leftNumber.SequenceCompareTo(rightNumber);
            }
            else
            {
                leftDigits = rightDigits = 1;
                result = left[0].CompareTo(right[0]);
            }

            if (result != 0)
            {
                return result;
            }

            left = left[leftDigits..];
            right = right[rightDigits..];
        }

        return left.Length.CompareTo(right.Length);
    }

    private static int LeadingDigits(ReadOnlySpan<char> text)
    {
        int end = text.IndexOfAnyExceptInRange('0', '9');
        return end < 0 ? text.Length : end;
    }
}
