namespace Lora.Adapters;

/// <summary>Names whose dots were made underscores, as sd-scripts writes them: which underscores were dots, the words of the models' own code tell.</summary>
internal static class FlatName
{
    private const int MostWords = 4;

    /// <summary>Words that have underscores of their own.</summary>
    private static readonly HashSet<string> Words = new(
        """
        transformer_blocks single_transformer_blocks double_blocks single_blocks down_blocks up_blocks mid_block input_blocks output_blocks middle_block
        to_q to_k to_v to_out to_add_out add_q_proj add_k_proj add_v_proj proj_in proj_out proj_mlp conv_in conv_out conv_shortcut time_emb_proj
        time_embedding add_embedding linear_1 linear_2 ff_context norm1_context norm_out img_attn txt_attn img_mlp txt_mlp img_mod txt_mod img_in txt_in
        time_in vector_in guidance_in in_layer out_layer final_layer adaLN_modulation x_embedder context_embedder time_text_embed timestep_embedder
        text_embedder guidance_embedder text_model self_attn cross_attn q_proj k_proj v_proj out_proj o_proj gate_proj up_proj down_proj text_projection
        in_layers out_layers emb_layers skip_connection time_embed label_emb k_img v_img feed_forward noise_refiner context_refiner condition_embedder
        time_embedder time_proj image_embedder text_embedding time_projection img_emb
        """.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries),
        StringComparer.Ordinal);

    /// <summary>The dotted name.</summary>
    public static string Dotted(string flat)
    {
        string[] words = flat.Split('_');
        List<string> parts = [];
        for (int at = 0; at < words.Length;)
        {
            int count = Enumerable.Range(2, MostWords - 1).Reverse()
                .FirstOrDefault(count => at + count <= words.Length && Words.Contains(string.Join('_', words, at, count)), 1);
            parts.Add(string.Join('_', words, at, count));
            at += count;
        }

        return string.Join('.', parts);
    }

    /// <summary>The flat name.</summary>
    public static string Of(string dotted) => dotted.Replace('.', '_');
}
