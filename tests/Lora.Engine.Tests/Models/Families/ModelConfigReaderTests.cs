using Lora.Kernels;
using Lora.Models;

namespace Lora.Tests.Models;

public sealed class ModelConfigReaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("""{"model_type": "llama"}""", "vocab_size is missing", "hidden_size is missing", "num_hidden_layers is missing")]
    [InlineData("""{"model_type": "qwen3", "vocab_size": "many", "hidden_size": 0, "num_attention_heads": 1.5, "num_hidden_layers": 1, "intermediate_size": 8}""",
        "vocab_size is \"many\"", "hidden_size is 0", "num_attention_heads is 1.5")]
    [InlineData("""
        {"model_type": "llama", "vocab_size": 8, "hidden_size": 9, "num_attention_heads": 3, "num_key_value_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8,
        "hidden_act": "gelu", "rope_scaling": {"rope_type": "ntk", "factor": 2}}
        """, "not a multiple of num_key_value_heads 2", "head_dim 3 is odd", "hidden_act 'gelu' is not computed; silu is", "'ntk' is not supported; default, linear, dynamic, llama3 and yarn are")]
    [InlineData("""
        {"model_type": "phi3", "vocab_size": 8, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8, "partial_rotary_factor": 0.75,
        "rope_scaling": {"type": "longrope", "short_factor": [1, 1, 0], "long_factor": [1, 1]}, "original_max_position_embeddings": 1}
        """, "short_factor is not a list of 3 numbers above zero", "long_factor is not a list of 3", "original_max_position_embeddings is 1;")]
    [InlineData("""
        {"model_type": "phi3", "vocab_size": 8, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8,
        "rope_parameters": {"rope_type": "linear", "factor": 2, "partial_rotary_factor": 0.2}, "hidden_act": "gelu"}
        """, "'linear' is not supported; default and longrope are", "rotates 1 of head_dim 8 values", "'gelu' is not computed; silu is")]
    [InlineData("""
        {"model_type": "gemma", "vocab_size": 8, "hidden_size": 16, "num_attention_heads": 16, "num_hidden_layers": 1, "intermediate_size": 8, "hidden_activation": "gelu",
        "rope_scaling": {"type": "longrope"}, "partial_rotary_factor": 2}
        """, "hidden_activation 'gelu' is not computed; gelu_pytorch_tanh is", "'longrope' is not supported; default, linear, dynamic, llama3 and yarn are", "partial_rotary_factor 2 is not above 0")]
    [InlineData("""
        {"model_type": "gemma2", "vocab_size": 8, "hidden_size": 16, "num_attention_heads": 4, "num_hidden_layers": 1, "intermediate_size": 8, "final_logit_softcapping": 0,
        "attn_logit_softcapping": "high", "use_bidirectional_attention": true}
        """, "final_logit_softcapping is 0; expected is more than 0", "attn_logit_softcapping is \"high\"", "use_bidirectional_attention is true")]
    public void Everything_that_is_wrong_is_said_at_once(string json, params string[] expected)
    {
        folder.Write("config.json", json);
        LoraException exception = Assert.Throws<LoraException>(() => ModelConfigReader.Read(folder.Path));

        Assert.Equal(LoraError.ConfigInvalid, exception.Error);
        Assert.All(expected, text => Assert.Contains(text, exception.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("gemma", "\"hidden_act\": \"relu\"", "hidden_act 'relu' is not computed; gelu_pytorch_tanh is")]
    [InlineData("llama", "\"hidden_act\": \"gelu\"", "hidden_act 'gelu' is not computed; silu is")]
    [InlineData("llama", "\"rope_scaling\": {\"type\": \"mrope\", \"mrope_section\": [1, 1, 2]}", "rope scaling of type 'mrope' is not supported; default, linear, dynamic")]
    [InlineData("phi3", "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2}", "rope scaling of type 'yarn' is not supported; default and longrope are")]
    [InlineData("gemma2", "\"use_bidirectional_attention\": true", "use_bidirectional_attention is true")]
    [InlineData("mistral", "\"layer_types\": [\"chunked_attention\"]", "layer_types has 'chunked_attention', which is not computed; full_attention and sliding_attention are")]
    public void What_is_not_computed_is_refused_by_name_with_what_is_and_the_file_is_not_called_wrong(string type, string key, string expected)
    {
        folder.Write("config.json", $$"""
            {"model_type": "{{type}}", "vocab_size": 8, "hidden_size": 64, "num_attention_heads": 16, "num_hidden_layers": 1, "intermediate_size": 8, {{key}}}
            """);
        LoraException exception = Assert.Throws<LoraException>(() => ModelConfigReader.Read(folder.Path));

        Assert.Equal(LoraError.ConfigUnsupported, Assert.Single(exception.Problems).Error);
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("not valid", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model_type": "llama", "vocab_size": 2147483647, "hidden_size": 2147483647, "num_attention_heads": 1, "num_hidden_layers": 1, "intermediate_size": 8}""",
        "vocab_size is 2147483647; expected is a whole number from 1 to 16777216")]
    [InlineData("""{"model_type": "llama", "vocab_size": 8, "hidden_size": 8, "num_attention_heads": 65536, "head_dim": 65536, "num_hidden_layers": 1, "intermediate_size": 8}""",
        "num_attention_heads 65536 x head_dim 65536 is more than")]
    [InlineData("""{"model_type": "llama", "vocab_size": 8, "hidden_size": 8, "num_attention_heads": 1, "num_hidden_layers": 10000000, "intermediate_size": 8}""",
        "num_hidden_layers is 10000000; expected are at most 10000")]
    [InlineData("""{"model_type": "llama", "vocab_size": 8, "hidden_size": 8, "num_attention_heads": 1, "num_hidden_layers": 1, "intermediate_size": 8, "rms_norm_eps": 1e999}""",
        "rms_norm_eps is 1e999; expected is a finite number")]
    public void Numbers_that_no_model_has_are_refused_before_anything_is_made_of_them(string json, string expected)
    {
        folder.Write("config.json", json);
        LoraException exception = Assert.Throws<LoraException>(() => ModelConfigReader.Read(folder.Path));
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_keys_have_the_family_s_own_defaults()
    {
        const string Sizes = "\"vocab_size\": 64, \"hidden_size\": 64, \"num_attention_heads\": 32, \"num_hidden_layers\": 2, \"intermediate_size\": 8";
        AttentionShape[] llama = Attention($$"""{"model_type": "llama", {{Sizes}}}""");
        AttentionShape[] mistral = Attention($$"""{"model_type": "mistral", {{Sizes}}}""");
        AttentionShape[] qwen3 = Attention($$"""{"model_type": "qwen3", {{Sizes}}}""");

        Assert.Equal((32, 2, null), (llama[0].KeyValueHeads, llama[0].HeadDimension, llama[0].QueryNorm));
        Assert.Equal([null, null], llama.Select(block => block.Window));
        Assert.Equal((8, 2), (mistral[0].KeyValueHeads, mistral[0].HeadDimension));
        Assert.Equal([4096, 4096], mistral.Select(block => block.Window));
        Assert.Equal((32, 128, new NormShape("q_norm", 128, 1e-6)), (qwen3[0].KeyValueHeads, qwen3[0].HeadDimension, qwen3[0].QueryNorm));
        Assert.Equal(10000.0, qwen3[0].Rope!.Theta);
    }

    [Fact]
    public void Gemma_and_Phi_3_have_theirs()
    {
        const string Sizes = "\"vocab_size\": 64, \"hidden_size\": 64, \"num_attention_heads\": 16, \"num_hidden_layers\": 1, \"intermediate_size\": 8";
        ModelShape gemma = Read($$"""{"model_type": "gemma", {{Sizes}}, "hidden_act": "gelu"}""");
        ModelShape phi3 = Read($$"""{"model_type": "phi3", {{Sizes}}}""");
        PreNormShape block = Assert.IsType<PreNormShape>(gemma.Blocks[0]);
        PreNormShape fused = Assert.IsType<PreNormShape>(phi3.Blocks[0]);

        Assert.Equal((16, 256, true), (block.Attention.KeyValueHeads, block.Attention.HeadDimension, gemma.Head.IsTied));
        Assert.Equal(new NormShape("input_layernorm", 64, 1e-6) { Kind = NormKind.RootMeanSquareAddOne }, block.AttentionNorm);
        Assert.Equal(new GatedMlpShape(64, 8) { Activation = GateActivation.TanhGelu }, block.Mlp);
        Assert.Equal((8.0, true), (gemma.Embedding.Scale, gemma.Embedding.RoundsScale));
        Assert.Equal((16, 4, false), (fused.Attention.KeyValueHeads, fused.Attention.HeadDimension, phi3.Head.IsTied));
        Assert.Equal(new NormShape("input_layernorm", 64, 1e-5), fused.AttentionNorm);
        Assert.Equal(["qkv_proj", "gate_up_proj"], [.. fused.Attention.Projections, .. Assert.IsType<GatedMlpShape>(fused.Mlp).GateUp]);
        Assert.Equal((new RopeParameters(10000), null, null), (fused.Attention.Rope, fused.Attention.Window, phi3.Embedding.Scale));
    }

    [Fact]
    public void Gemma_2_has_caps_that_null_takes_away_and_windows_in_every_second_layer()
    {
        const string Model = "\"model_type\": \"gemma2\", \"vocab_size\": 64, \"hidden_size\": 64, \"num_attention_heads\": 8, \"num_hidden_layers\": 3, \"intermediate_size\": 8";
        ModelShape usual = Read($$"""{ {{Model}} }""");
        ModelShape changed = Read($$"""{ {{Model}}, "attn_logit_softcapping": null, "final_logit_softcapping": 20, "query_pre_attn_scalar": 144, "sliding_window": 16 }""");
        AttentionShape[] attention = [.. usual.Blocks.Select(Attention)];
        AttentionShape[] other = [.. changed.Blocks.Select(Attention)];

        Assert.Equal((50.0, 30.0, 1 / 16.0), (attention[0].ScoreCap, usual.Head.Cap, attention[0].Scale));
        Assert.Equal((4, 256, true), (attention[0].KeyValueHeads, attention[0].HeadDimension, usual.Head.IsTied));
        Assert.Equal([4096, null, 4096], attention.Select(block => block.Window));
        Assert.Equal((null, 20.0, 1 / 12.0), (other[0].ScoreCap, changed.Head.Cap, other[0].Scale));
        Assert.Equal([16, null, 16], other.Select(block => block.Window));
        Assert.All(usual.Blocks, block => Assert.IsType<FourNormShape>(block));
    }

    [Fact]
    public void Gemma_3_has_two_rotations_and_every_sixth_block_without_a_window_in_both_generations()
    {
        const string Model = "\"model_type\": \"gemma3_text\", \"vocab_size\": 64, \"hidden_size\": 64, \"num_attention_heads\": 8, \"num_hidden_layers\": 6, \"intermediate_size\": 8, \"sliding_window\": 16";
        const string Types = "\"sliding_attention\", \"sliding_attention\", \"sliding_attention\", \"sliding_attention\", \"sliding_attention\", \"full_attention\"";
        AttentionShape[] older = Attention($$"""{ {{Model}}, "rope_theta": 500, "rope_local_base_freq": 30, "rope_scaling": {"rope_type": "linear", "factor": 8} }""");
        AttentionShape[] newer = Attention($$"""
            { {{Model}}, "layer_types": [{{Types}}], "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8, "rope_theta": 500},
            "sliding_attention": {"rope_type": "default", "rope_theta": 30} } }
            """);

        Assert.Equal([16, 16, 16, 16, 16, null], older.Select(block => block.Window));
        Assert.Equal(new RopeParameters(30), older[4].Rope);
        Assert.Equal(new RopeParameters(500) { Scaling = RopeScaling.Linear, Factor = 8 }, older[5].Rope);
        Assert.Equal((1 / 16.0, null, new NormShape("q_norm", 256, 1e-6) { Kind = NormKind.RootMeanSquareAddOne }), (older[0].Scale, older[0].ScoreCap, older[0].QueryNorm));
        Assert.Equal(older, newer);
    }

    [Fact]
    public void SmolLM3_leaves_every_fourth_block_unrotated_or_those_that_a_list_names()
    {
        const string Model = "\"model_type\": \"smollm3\", \"vocab_size\": 64, \"hidden_size\": 64, \"num_attention_heads\": 8, \"num_hidden_layers\": 4, \"intermediate_size\": 8";

        Assert.Equal([2e6, 2e6, 2e6, null], Attention($$"""{ {{Model}} }""").Select(block => block.Rope?.Theta));
        Assert.Equal([null, 2e6, null, 2e6], Attention($$"""{ {{Model}}, "no_rope_layers": [0, 1, 0, 1] }""").Select(block => block.Rope?.Theta));
        Assert.Equal([16, null, 16, null], Attention($$"""{ {{Model}}, "no_rope_layers": [0, 1, 0, 1], "use_sliding_window": true, "sliding_window": 16 }""").Select(block => block.Window));
    }

    [Fact]
    public void Yarn_takes_the_factor_as_it_is_given_and_the_original_length_from_the_model_where_none_is()
    {
        const string Model = "\"model_type\": \"llama\", \"vocab_size\": 64, \"hidden_size\": 64, \"num_attention_heads\": 8, \"num_hidden_layers\": 1, \"intermediate_size\": 8, \"max_position_embeddings\": 512";
        RopeParameters given = Attention($$"""{ {{Model}}, "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 256} }""")[0].Rope!;
        RopeParameters bare = Attention($$"""{ {{Model}}, "rope_scaling": {"rope_type": "yarn", "factor": 4, "truncate": false, "attention_factor": 1.5, "beta_fast": 16} }""")[0].Rope!;
        RopeParameters derived = Attention($$"""{ {{Model}}, "rope_parameters": {"rope_type": "yarn", "original_max_position_embeddings": 64, "mscale": 1, "mscale_all_dim": 0.5} }""")[0].Rope!;

        Assert.Equal((4.0, 256.0, 1 + (0.1 * Math.Log(4)), true), (given.Factor, given.OriginalPositions, given.AttentionFactor, given.TruncatesRamp));
        Assert.Equal((4.0, 512.0, 1.5, false, 16.0), (bare.Factor, bare.OriginalPositions, bare.AttentionFactor, bare.TruncatesRamp, bare.FastTurns));
        Assert.Equal((8.0, (1 + (0.1 * Math.Log(8))) / (1 + (0.05 * Math.Log(8)))), (derived.Factor, derived.AttentionFactor));
    }

    [Fact]
    public void Every_family_of_the_source_is_known()
    {
        IEnumerable<Type> written = typeof(ModelFamily).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(ModelFamily)) && !type.IsAbstract);
        Assert.Equal(written.Select(type => type.Name).Order(StringComparer.Ordinal), KnownFamilies.All.Select(family => family.GetType().Name).Distinct().Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("""
        "rope_theta": 500, "rope_scaling": {"type": "su", "short_factor": [1, 1.5, 2], "long_factor": [2, 4, 8]}, "original_max_position_embeddings": 4096, "partial_rotary_factor": 0.75
        """)]
    [InlineData("""
        "rope_scaling": {"rope_type": "longrope", "short_factor": [1, 1.5, 2], "long_factor": [2, 4, 8], "rope_theta": 500}, "original_max_position_embeddings": 4096, "partial_rotary_factor": 0.75
        """)]
    [InlineData("""
        "rope_parameters": {"rope_type": "longrope", "rope_theta": 500, "short_factor": [1, 1.5, 2], "long_factor": [2, 4, 8], "original_max_position_embeddings": 4096,
        "partial_rotary_factor": 0.75}
        """)]
    public void Both_generations_of_longrope_are_the_same(string rotation)
    {
        RopeParameters rope = Attention($$"""
            {"model_type": "phi3", "vocab_size": 64, "hidden_size": 64, "num_attention_heads": 8, "num_hidden_layers": 1, "intermediate_size": 8, "max_position_embeddings": 131072, {{rotation}}}
            """)[0].Rope!;

        Assert.Equal((RopeScaling.LongRope, 500.0, 4096.0, 6), (rope.Scaling, rope.Theta, rope.OriginalPositions, rope.RotatedValues(8)));
        Assert.Equal([1, 1.5, 2], rope.ShortFactors);
        Assert.Equal([2, 4, 8], rope.LongFactors);
        Assert.Equal(1.190238, rope.AttentionFactor, 6); // sqrt(1 + ln 32 / ln 4096) = sqrt(17 / 12)
    }

    [Fact]
    public void A_factor_for_cos_and_sin_is_taken_as_it_is_and_is_one_where_nothing_is_stretched()
    {
        const string Model = "\"model_type\": \"phi3\", \"vocab_size\": 64, \"hidden_size\": 4, \"num_attention_heads\": 1, \"num_hidden_layers\": 1, \"intermediate_size\": 8";
        const string Factors = "\"type\": \"longrope\", \"short_factor\": [1, 1], \"long_factor\": [2, 2]";

        Assert.Equal(1, Attention($$"""{ {{Model}}, "rope_scaling": { {{Factors}} } }""")[0].Rope!.AttentionFactor);
        Assert.Equal(1.25, Attention($$"""{ {{Model}}, "rope_scaling": { {{Factors}}, "attention_factor": 1.25 } }""")[0].Rope!.AttentionFactor);
    }

    private static AttentionShape Attention(BlockShape block) => block switch
    {
        PreNormShape usual => usual.Attention,
        FourNormShape four => four.Attention,
        OutputNormShape output => output.Attention,
        _ => throw new ArgumentException($"{block} is another block.", nameof(block)),
    };

    private AttentionShape[] Attention(string json) => [.. Read(json).Blocks.Select(Attention)];

    private ModelShape Read(string json)
    {
        folder.Write("config.json", json);
        return ModelConfigReader.Read(folder.Path);
    }
}
