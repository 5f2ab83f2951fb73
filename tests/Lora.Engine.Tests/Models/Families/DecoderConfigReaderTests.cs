using Lora.Kernels;
using Lora.Models;

namespace Lora.Tests.Models;

public sealed class DecoderConfigReaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("""{"model_type": "llama"}""", "vocab_size is missing", "hidden_size is missing", "num_hidden_layers is missing")]
    [InlineData("""{"model_type": "qwen3", "vocab_size": "many", "hidden_size": 0, "num_attention_heads": 1.5, "num_hidden_layers": 1, "intermediate_size": 8}""",
        "vocab_size is \"many\"", "hidden_size is 0", "num_attention_heads is 1.5")]
    [InlineData("""
        {"model_type": "llama", "vocab_size": 8, "hidden_size": 9, "num_attention_heads": 3, "num_key_value_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8,
        "hidden_act": "gelu", "rope_scaling": {"rope_type": "yarn", "factor": 2}}
        """, "not a multiple of num_key_value_heads 2", "head_dim 3 is odd", "'gelu' is not silu", "'yarn' is not supported")]
    [InlineData("""
        {"model_type": "phi3", "vocab_size": 8, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8, "partial_rotary_factor": 0.75,
        "rope_scaling": {"type": "longrope", "short_factor": [1, 1, 0], "long_factor": [1, 1]}, "original_max_position_embeddings": 1}
        """, "short_factor is not a list of 3 numbers above zero", "long_factor is not a list of 3", "original_max_position_embeddings is 1;")]
    [InlineData("""
        {"model_type": "phi3", "vocab_size": 8, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8,
        "rope_parameters": {"rope_type": "linear", "factor": 2, "partial_rotary_factor": 0.2}, "hidden_act": "gelu"}
        """, "'linear' is not supported; default and longrope are", "rotates 1 of head_dim 8 values", "'gelu' is not silu")]
    [InlineData("""
        {"model_type": "gemma", "vocab_size": 8, "hidden_size": 16, "num_attention_heads": 16, "num_hidden_layers": 1, "intermediate_size": 8, "hidden_activation": "gelu",
        "rope_scaling": {"type": "longrope"}, "partial_rotary_factor": 2}
        """, "hidden_activation 'gelu' is not gelu_pytorch_tanh", "'longrope' is not supported; default, linear and llama3 are", "partial_rotary_factor 2 is not above 0")]
    [InlineData("""
        {"model_type": "gemma", "vocab_size": 8, "hidden_size": 16, "num_attention_heads": 16, "num_hidden_layers": 1, "intermediate_size": 8, "hidden_act": "relu"}
        """, "hidden_act 'relu' is not gelu_pytorch_tanh")]
    [InlineData("""
        {"model_type": "gemma2", "vocab_size": 8, "hidden_size": 16, "num_attention_heads": 4, "num_hidden_layers": 1, "intermediate_size": 8, "final_logit_softcapping": 0,
        "attn_logit_softcapping": "high", "use_bidirectional_attention": true}
        """, "final_logit_softcapping is 0; expected is more than 0", "attn_logit_softcapping is \"high\"", "use_bidirectional_attention is true")]
    public void Everything_that_is_wrong_is_said_at_once(string json, params string[] expected)
    {
        folder.Write("config.json", json);
        LoraException exception = Assert.Throws<LoraException>(() => DecoderConfigReader.Read(folder.Path));

        Assert.Equal(LoraError.ConfigInvalid, exception.Error);
        Assert.All(expected, text => Assert.Contains(text, exception.Message, StringComparison.Ordinal));
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
        LoraException exception = Assert.Throws<LoraException>(() => DecoderConfigReader.Read(folder.Path));
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_keys_have_the_family_s_own_defaults()
    {
        const string Sizes = "\"vocab_size\": 64, \"hidden_size\": 64, \"num_attention_heads\": 32, \"num_hidden_layers\": 2, \"intermediate_size\": 8";
        DecoderConfig llama = Read($$"""{"model_type": "llama", {{Sizes}}}""");
        DecoderConfig mistral = Read($$"""{"model_type": "mistral", {{Sizes}}}""");
        DecoderConfig qwen3 = Read($$"""{"model_type": "qwen3", {{Sizes}}}""");

        Assert.Equal((32, 2, false), (llama.KeyValueHeads, llama.HeadDimension, llama.QueryKeyNorm));
        Assert.Equal(new int?[] { null, null }, llama.SlidingWindows);
        Assert.Equal((8, 2), (mistral.KeyValueHeads, mistral.HeadDimension));
        Assert.Equal(new int?[] { 4096, 4096 }, mistral.SlidingWindows);
        Assert.Equal((32, 128, true), (qwen3.KeyValueHeads, qwen3.HeadDimension, qwen3.QueryKeyNorm));
        Assert.Equal((1e-6, 10000.0), (qwen3.NormEpsilon, qwen3.Rope.Theta));
    }

    [Fact]
    public void Gemma_and_Phi_3_have_theirs()
    {
        const string Sizes = "\"vocab_size\": 64, \"hidden_size\": 64, \"num_attention_heads\": 16, \"num_hidden_layers\": 1, \"intermediate_size\": 8";
        DecoderConfig gemma = Read($$"""{"model_type": "gemma", {{Sizes}}, "hidden_act": "gelu"}""");
        DecoderConfig phi3 = Read($$"""{"model_type": "phi3", {{Sizes}}}""");

        Assert.Equal((16, 256, 1e-6, true), (gemma.KeyValueHeads, gemma.HeadDimension, gemma.NormEpsilon, gemma.TiedEmbeddings));
        Assert.Equal((GateActivation.TanhGelu, true, true, false), (gemma.Activation, gemma.NormsAddOne, gemma.ScalesEmbedding, gemma.JoinsProjections));
        Assert.Equal((16, 4, 1e-5, false), (phi3.KeyValueHeads, phi3.HeadDimension, phi3.NormEpsilon, phi3.TiedEmbeddings));
        Assert.Equal((GateActivation.Silu, false, false, true), (phi3.Activation, phi3.NormsAddOne, phi3.ScalesEmbedding, phi3.JoinsProjections));
        Assert.Equal((new RopeParameters(10000), null), (phi3.Rope, phi3.SlidingWindows[0]));
    }

    [Fact]
    public void Gemma_2_has_caps_that_null_takes_away_and_windows_in_every_second_layer()
    {
        const string Model = "\"model_type\": \"gemma2\", \"vocab_size\": 64, \"hidden_size\": 64, \"num_attention_heads\": 8, \"num_hidden_layers\": 3, \"intermediate_size\": 8";
        DecoderConfig usual = Read($$"""{ {{Model}} }""");
        DecoderConfig changed = Read($$"""{ {{Model}}, "attn_logit_softcapping": null, "final_logit_softcapping": 20, "query_pre_attn_scalar": 144, "sliding_window": 16 }""");

        Assert.Equal((50.0, 30.0, 256.0), (usual.ScoreCap, usual.LogitCap, usual.QueryScalar));
        Assert.Equal((4, 256, true, true), (usual.KeyValueHeads, usual.HeadDimension, usual.TiedEmbeddings, usual.HasOutputNorms));
        Assert.Equal(new int?[] { 4096, null, 4096 }, usual.SlidingWindows);
        Assert.Equal((null, 20.0, 144.0), (changed.ScoreCap, changed.LogitCap, changed.QueryScalar));
        Assert.Equal(new int?[] { 16, null, 16 }, changed.SlidingWindows);
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
        RopeParameters rope = Read($$"""
            {"model_type": "phi3", "vocab_size": 64, "hidden_size": 64, "num_attention_heads": 8, "num_hidden_layers": 1, "intermediate_size": 8, "max_position_embeddings": 131072, {{rotation}}}
            """).Rope;

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

        Assert.Equal(1, Read($$"""{ {{Model}}, "rope_scaling": { {{Factors}} } }""").Rope.AttentionFactor);
        Assert.Equal(1.25, Read($$"""{ {{Model}}, "rope_scaling": { {{Factors}}, "attention_factor": 1.25 } }""").Rope.AttentionFactor);
    }

    private DecoderConfig Read(string json)
    {
        folder.Write("config.json", json);
        return DecoderConfigReader.Read(folder.Path);
    }
}
