using static Lora.Tests.Models.PlainMath;

namespace Lora.Tests.Models;

/// <summary>Decoders of which there is no reference run, written down from their papers and from what transformers states of them.</summary>
internal static class PlainDecoders
{
    private const double Hidden = double.NegativeInfinity;
    private const int Layers = 2;

    /// <summary>The logits of ids, by the name of the configuration among the fixtures, which says what is special.</summary>
    public static IReadOnlyDictionary<string, Func<PlainModel, int[], double[][]>> All { get; } = new Dictionary<string, Func<PlainModel, int[], double[][]>>
    {
        ["bloom"] = Bloom,
        ["cohere"] = Cohere,
        ["falcon"] = (model, ids) => Falcon(model, ids, FalconParts, size: 8),
        ["falcon_new"] = (model, ids) => Falcon(model, ids, FalconGroups, size: 6, attentionNorm: "ln_attn", mlpNorm: "ln_mlp"),
        ["falcon_11b"] = (model, ids) => Falcon(model, ids, FalconGroups, size: 6),
        ["falcon_rw"] = FalconRefinedWeb,
        ["gemma3_text"] = Gemma3,
        ["gpt_neo"] = GptNeo,
        ["gpt_neox_serial"] = GptNeoxSerial,
        ["gptj"] = GptJ,
        ["opt_350m"] = Opt350,
        ["phi"] = Phi,
        ["stablelm_12b"] = (model, ids) => StableLm(model, ids, isParallel: true, bias: false, rotated: 2, normalizes: true),
        ["stablelm"] = (model, ids) => StableLm(model, ids, isParallel: false, bias: true, rotated: 4),
        ["stablelm_parallel"] = (model, ids) => StableLm(model, ids, isParallel: true, bias: false, rotated: 2),
        ["starcoder2"] = StarCoder2,
    };

    private static double[][] Bloom(PlainModel model, int[] ids)
    {
        double[] slopes = [1.0 / 16, 1.0 / 256, 1.0 / 4]; // those of two heads, and the first of four
        double[][] x = model.LayerNorm(Embed(model["transformer.word_embeddings.weight"], ids), "transformer.word_embeddings_layernorm");
        for (int layer = 0; layer < Layers; layer++)
        {
            string block = $"transformer.h.{layer}.";
            double[][] packed = model.Linear(model.LayerNorm(x, block + "input_layernorm"), block + "self_attention.query_key_value");
            double[][][] parts = HeadByHead(packed, heads: 3, size: 8);
            x = x.Plus(model.Linear(Attend(parts[0], parts[1], parts[2], 8, 1 / Math.Sqrt(8), (head, i, j) => slopes[head] * (j - i)), block + "self_attention.dense"));
            double[][] wide = model.Linear(model.LayerNorm(x, block + "post_attention_layernorm"), block + "mlp.dense_h_to_4h").Map(TanhGelu);
            x = x.Plus(model.Linear(wide, block + "mlp.dense_4h_to_h"));
        }

        return model.LayerNorm(x, "transformer.ln_f").Linear(model["transformer.word_embeddings.weight"]);
    }

    private static double[][] Cohere(PlainModel model, int[] ids)
    {
        double[][] x = Embed(model["model.embed_tokens.weight"], ids);
        for (int layer = 0; layer < Layers; layer++)
        {
            string block = $"model.layers.{layer}.";
            double[][] normal = model.LayerNorm(x, block + "input_layernorm", bias: false);
            double[][] q = HeadNorm(model.Linear(normal, block + "self_attn.q_proj", bias: false), model[block + "self_attn.q_norm.weight"], 6).RotateNeighbours(6, 6, 100);
            double[][] k = HeadNorm(model.Linear(normal, block + "self_attn.k_proj", bias: false), model[block + "self_attn.k_norm.weight"], 6).RotateNeighbours(6, 6, 100);
            double[][] v = model.Linear(normal, block + "self_attn.v_proj", bias: false);
            double[][] attended = model.Linear(Attend(q, k, v, 6, 1 / Math.Sqrt(6)), block + "self_attn.o_proj", bias: false);
            x = x.Plus(attended).Plus(Gated(model, normal, block));
        }

        return model.LayerNorm(x, "model.norm", bias: false).Linear(model["model.embed_tokens.weight"]).Map(logit => logit * 0.25);
    }

    private static double[][] Falcon(
        PlainModel model, int[] ids, Func<double[][], double[][][]> parts, int size, string attentionNorm = "input_layernorm", string mlpNorm = "input_layernorm")
    {
        double[][] x = Embed(model["transformer.word_embeddings.weight"], ids);
        for (int layer = 0; layer < Layers; layer++)
        {
            string block = $"transformer.h.{layer}.";
            double[][][] split = parts(model.Linear(model.LayerNorm(x, block + attentionNorm), block + "self_attention.query_key_value", bias: false));
            double[][] mixed = Attend(split[0].RotateHalves(size, size, 10000), split[1].RotateHalves(size, size, 10000), split[2], size, 1 / Math.Sqrt(size));
            double[][] wide = model.Linear(model.LayerNorm(x, block + mlpNorm), block + "mlp.dense_h_to_4h", bias: false).Map(Gelu);
            x = x.Plus(model.Linear(mixed, block + "self_attention.dense", bias: false)).Plus(model.Linear(wide, block + "mlp.dense_4h_to_h", bias: false));
        }

        return model.LayerNorm(x, "transformer.ln_f").Linear(model["transformer.word_embeddings.weight"]);
    }

    /// <summary>Three heads of q, then the k and the v of all.</summary>
    private static double[][][] FalconParts(double[][] packed) => [packed.Columns(0, 24), packed.Columns(24, 8), packed.Columns(32, 8)];

    /// <summary>Twice: two heads of q, their k and their v.</summary>
    private static double[][][] FalconGroups(double[][] packed) =>
        [Beside(packed.Columns(0, 12), packed.Columns(24, 12)), Beside(packed.Columns(12, 6), packed.Columns(36, 6)), Beside(packed.Columns(18, 6), packed.Columns(42, 6))];

    private static double[][] FalconRefinedWeb(PlainModel model, int[] ids)
    {
        // Those of eight heads, and every second of sixteen; slopes and products in bfloat16.
        double[] slopes = [.. Enumerable.Range(1, 8).Select(index => Math.Pow(2, -index)), .. new[] { 0.5, 1.5, 2.5, 3.5 }.Select(index => Math.Pow(2, -index))];
        double[][] x = Embed(model["transformer.word_embeddings.weight"], ids);
        for (int layer = 0; layer < Layers; layer++)
        {
            string block = $"transformer.h.{layer}.";
            double[][][] parts = HeadByHead(model.Linear(model.LayerNorm(x, block + "input_layernorm"), block + "self_attention.query_key_value"), heads: 12, size: 2);
            double[][] mixed = Attend(parts[0], parts[1], parts[2], 2, 1 / Math.Sqrt(2), (head, _, j) => Rounded(Rounded(slopes[head]) * j) / Math.Sqrt(2));
            x = x.Plus(model.Linear(mixed, block + "self_attention.dense"));
            x = x.Plus(model.Linear(model.Linear(model.LayerNorm(x, block + "post_attention_layernorm"), block + "mlp.dense_h_to_4h").Map(Gelu), block + "mlp.dense_4h_to_h"));
        }

        return model.LayerNorm(x, "transformer.ln_f").Linear(model["transformer.word_embeddings.weight"]);
    }

    private static double[][] Gemma3(PlainModel model, int[] ids)
    {
        double[][] x = Embed(model["model.embed_tokens.weight"], ids).Map(value => Math.Sqrt(24) * value);
        for (int layer = 0; layer < Layers; layer++)
        {
            string block = $"model.layers.{layer}.";
            string attention = block + "self_attn.";
            bool isLocal = layer == 0;
            double[] speeds = isLocal ? Frequencies(20, 8) : [.. Frequencies(100, 8).Select(speed => speed / 4)];
            double[][] normal = model.RootNormOfOneMore(x, block + "input_layernorm");
            double[][] q = Heads("q").RotateHalves(8, speeds);
            double[][] k = Heads("k").RotateHalves(8, speeds);
            double[][] mixed = Attend(q, k, model.Linear(normal, attention + "v_proj", bias: false), 8, 1 / Math.Sqrt(10), (_, i, j) => isLocal && j <= i - 4 ? Hidden : 0);
            x = x.Plus(model.RootNormOfOneMore(model.Linear(mixed, attention + "o_proj", bias: false), block + "post_attention_layernorm"));
            x = x.Plus(model.RootNormOfOneMore(Gated(model, model.RootNormOfOneMore(x, block + "pre_feedforward_layernorm"), block, TanhGelu), block + "post_feedforward_layernorm"));

            double[][] Heads(string name)
            {
                double[][] rows = model.Linear(normal, $"{attention}{name}_proj", bias: false);
                return Beside([.. Enumerable.Range(0, rows[0].Length / 8).Select(head => model.RootNormOfOneMore(rows.Columns(head * 8, 8), $"{attention}{name}_norm"))]);
            }
        }

        return model.RootNormOfOneMore(x, "model.norm").Linear(model["model.embed_tokens.weight"]);
    }

    private static double[][] GptNeo(PlainModel model, int[] ids)
    {
        double[][] x = Embed(model["transformer.wte.weight"], ids).Plus(Embed(model["transformer.wpe.weight"], Enumerable.Range(0, ids.Length)));
        for (int layer = 0; layer < Layers; layer++)
        {
            string block = $"transformer.h.{layer}.";
            string attention = block + "attn.attention.";
            bool isLocal = layer == 1;
            double[][] normal = model.LayerNorm(x, block + "ln_1");
            (double[][] q, double[][] k, double[][] v) = (model.Linear(normal, attention + "q_proj", false), model.Linear(normal, attention + "k_proj", false), model.Linear(normal, attention + "v_proj", false));
            x = x.Plus(model.Linear(Attend(q, k, v, 8, scale: 1, (_, i, j) => isLocal && j <= i - 4 ? Hidden : 0), attention + "out_proj"));
            x = x.Plus(model.Linear(model.Linear(model.LayerNorm(x, block + "ln_2"), block + "mlp.c_fc").Map(TanhGelu), block + "mlp.c_proj"));
        }

        return model.LayerNorm(x, "transformer.ln_f").Linear(model["transformer.wte.weight"]);
    }

    private static double[][] GptNeoxSerial(PlainModel model, int[] ids)
    {
        double[][] x = Embed(model["gpt_neox.embed_in.weight"], ids);
        for (int layer = 0; layer < Layers; layer++)
        {
            string block = $"gpt_neox.layers.{layer}.";
            double[][][] parts = HeadByHead(model.Linear(model.LayerNorm(x, block + "input_layernorm"), block + "attention.query_key_value"), heads: 3, size: 8);
            double[][] mixed = Attend(parts[0].RotateHalves(8, 4, 100), parts[1].RotateHalves(8, 4, 100), parts[2], 8, 1 / Math.Sqrt(8));
            x = x.Plus(model.Linear(mixed, block + "attention.dense"));
            x = x.Plus(model.Linear(model.Linear(model.LayerNorm(x, block + "post_attention_layernorm"), block + "mlp.dense_h_to_4h").Map(Gelu), block + "mlp.dense_4h_to_h"));
        }

        return model.Linear(model.LayerNorm(x, "gpt_neox.final_layer_norm"), "embed_out", bias: false);
    }

    private static double[][] GptJ(PlainModel model, int[] ids)
    {
        double[][] x = Embed(model["transformer.wte.weight"], ids);
        for (int layer = 0; layer < Layers; layer++)
        {
            string block = $"transformer.h.{layer}.";
            double[][] normal = model.LayerNorm(x, block + "ln_1");
            double[][] q = model.Linear(normal, block + "attn.q_proj", bias: false).RotateNeighbours(8, 4, 10000);
            double[][] k = model.Linear(normal, block + "attn.k_proj", bias: false).RotateNeighbours(8, 4, 10000);
            double[][] attended = model.Linear(Attend(q, k, model.Linear(normal, block + "attn.v_proj", bias: false), 8, 1 / Math.Sqrt(8)), block + "attn.out_proj", bias: false);
            x = x.Plus(attended).Plus(model.Linear(model.Linear(normal, block + "mlp.fc_in").Map(TanhGelu), block + "mlp.fc_out"));
        }

        return model.Linear(model.LayerNorm(x, "transformer.ln_f"), "lm_head");
    }

    private static double[][] Opt350(PlainModel model, int[] ids)
    {
        double[][] x = model.Linear(Embed(model["model.decoder.embed_tokens.weight"], ids), "model.decoder.project_in", bias: false)
            .Plus(Embed(model["model.decoder.embed_positions.weight"], Enumerable.Range(2, ids.Length)));
        for (int layer = 0; layer < Layers; layer++)
        {
            string block = $"model.decoder.layers.{layer}.";
            string attention = block + "self_attn.";
            (double[][] q, double[][] k, double[][] v) = (model.Linear(x, attention + "q_proj"), model.Linear(x, attention + "k_proj"), model.Linear(x, attention + "v_proj"));
            x = model.LayerNorm(x.Plus(model.Linear(Attend(q, k, v, 8, 1 / Math.Sqrt(8)), attention + "out_proj")), block + "self_attn_layer_norm");
            x = model.LayerNorm(x.Plus(model.Linear(model.Linear(x, block + "fc1").Map(value => Math.Max(value, 0)), block + "fc2")), block + "final_layer_norm");
        }

        return model.Linear(x, "model.decoder.project_out", bias: false).Linear(model["model.decoder.embed_tokens.weight"]);
    }

    private static double[][] Phi(PlainModel model, int[] ids)
    {
        double[][] x = Embed(model["model.embed_tokens.weight"], ids);
        for (int layer = 0; layer < Layers; layer++)
        {
            string block = $"model.layers.{layer}.";
            string attention = block + "self_attn.";
            double[][] normal = model.LayerNorm(x, block + "input_layernorm");
            double[][] q = HeadByHeadNorm(model, model.Linear(normal, attention + "q_proj"), attention + "q_layernorm").RotateHalves(8, 4, 10000);
            double[][] k = HeadByHeadNorm(model, model.Linear(normal, attention + "k_proj"), attention + "k_layernorm").RotateHalves(8, 4, 10000);
            double[][] attended = model.Linear(Attend(q, k, model.Linear(normal, attention + "v_proj"), 8, 1 / Math.Sqrt(8)), attention + "dense");
            x = x.Plus(attended).Plus(model.Linear(model.Linear(normal, block + "mlp.fc1").Map(TanhGelu), block + "mlp.fc2"));
        }

        return model.Linear(model.LayerNorm(x, "model.final_layernorm"), "lm_head");
    }

    private static double[][] StableLm(PlainModel model, int[] ids, bool isParallel, bool bias, int rotated, bool normalizes = false)
    {
        double[][] x = Embed(model["model.embed_tokens.weight"], ids);
        for (int layer = 0; layer < Layers; layer++)
        {
            string block = $"model.layers.{layer}.";
            double[][] normal = model.LayerNorm(x, block + "input_layernorm");
            double[][] q = Normal(model.Linear(normal, block + "self_attn.q_proj", bias), block + "self_attn.q_layernorm.norms.");
            double[][] k = Normal(model.Linear(normal, block + "self_attn.k_proj", bias), block + "self_attn.k_layernorm.norms.");
            double[][] mixed = Attend(q.RotateHalves(8, rotated, 10000), k.RotateHalves(8, rotated, 10000), model.Linear(normal, block + "self_attn.v_proj", bias), 8, 1 / Math.Sqrt(8));
            x = x.Plus(model.Linear(mixed, block + "self_attn.o_proj", bias: false));
            x = x.Plus(Gated(model, isParallel ? normal : model.LayerNorm(x, block + "post_attention_layernorm"), block));
        }

        return model.Linear(model.LayerNorm(x, "model.norm"), "lm_head", bias: false);

        double[][] Normal(double[][] rows, string norms) => !normalizes ? rows
            : Beside([.. Enumerable.Range(0, rows[0].Length / 8).Select(head => model.LayerNorm(rows.Columns(head * 8, 8), norms + head, bias: false))]);
    }

    private static double[][] StarCoder2(PlainModel model, int[] ids)
    {
        double[][] x = Embed(model["model.embed_tokens.weight"], ids);
        for (int layer = 0; layer < Layers; layer++)
        {
            string block = $"model.layers.{layer}.";
            double[][] normal = model.LayerNorm(x, block + "input_layernorm");
            double[][] q = model.Linear(normal, block + "self_attn.q_proj").RotateHalves(6, 6, 10000);
            double[][] k = model.Linear(normal, block + "self_attn.k_proj").RotateHalves(6, 6, 10000);
            double[][] mixed = Attend(q, k, model.Linear(normal, block + "self_attn.v_proj"), 6, 1 / Math.Sqrt(6), (_, i, j) => j <= i - 5 ? Hidden : 0);
            x = x.Plus(model.Linear(mixed, block + "self_attn.o_proj"));
            x = x.Plus(model.Linear(model.Linear(model.LayerNorm(x, block + "post_attention_layernorm"), block + "mlp.c_fc").Map(TanhGelu), block + "mlp.c_proj"));
        }

        return model.LayerNorm(x, "model.norm").Linear(model["model.embed_tokens.weight"]);
    }

    private static double[][] Gated(PlainModel model, double[][] x, string block, Func<double, double>? activation = null) => model.Linear(
        model.Linear(x, block + "mlp.gate_proj", bias: false).Map(activation ?? Silu).Multiply(model.Linear(x, block + "mlp.up_proj", bias: false)), block + "mlp.down_proj", bias: false);

    /// <summary>q, k and v out of a row that has for each head its q, its k and its v.</summary>
    private static double[][][] HeadByHead(double[][] packed, int heads, int size) =>
        [.. Enumerable.Range(0, 3).Select(part => Beside([.. Enumerable.Range(0, heads).Select(head => packed.Columns(((3 * head) + part) * size, size))]))];

    /// <summary>Each head normalised by itself, with a weight for each.</summary>
    private static double[][] HeadNorm(double[][] rows, PlainTensor weight, int size) => Beside([.. Enumerable.Range(0, rows[0].Length / size).Select(head =>
        rows.Columns(head * size, size).LayerNorm(new([size], weight.Row(head)), null, 1e-5))]);

    /// <summary>Each head of 8 normalised by itself, with one weight and bias for all.</summary>
    private static double[][] HeadByHeadNorm(PlainModel model, double[][] rows, string name) =>
        Beside([.. Enumerable.Range(0, rows[0].Length / 8).Select(head => model.LayerNorm(rows.Columns(head * 8, 8), name))]);

    /// <summary>The nearest value of bfloat16, ties to even.</summary>
    private static double Rounded(double value)
    {
        uint bits = BitConverter.SingleToUInt32Bits((float)value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }
}
