using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

public sealed class MixtureConfigTests : IDisposable
{
    private const string Sizes = """ "vocab_size": 8, "hidden_size": 64, "num_attention_heads": 16, "num_hidden_layers": 2, "intermediate_size": 16 """;

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void Missing_keys_have_the_family_s_own_defaults()
    {
        PreNormShape mixtral = Block(Read($$"""{"model_type": "mixtral", {{Sizes}}}"""));
        PreNormShape qwen = Block(Read($$"""{"model_type": "qwen3_moe", {{Sizes}}}"""));
        PreNormShape oss = Block(Read($$"""{"model_type": "gpt_oss", {{Sizes}}}"""));

        Assert.Equal(new("gate", 64, 8, 2) { Normalizes = true }, ((MixtureShape)mixtral.Mlp).Router);
        Assert.Equal((8, null, 1e-5, 1e6), (mixtral.Attention.KeyValueHeads, mixtral.Attention.Window, mixtral.AttentionNorm.Epsilon, mixtral.Attention.Rope!.Theta));
        Assert.Equal(new("gate", 64, 128, 8) { Normalizes = false }, ((MixtureShape)qwen.Mlp).Router);
        Assert.Equal((4, 4, 1e4), (qwen.Attention.KeyValueHeads, qwen.Attention.HeadDimension, qwen.Attention.Rope!.Theta));
        Assert.Equal(768, ((SeparateExpertsShape)((MixtureShape)qwen.Mlp).Experts).Expert.IntermediateSize);
        Assert.Equal(new("router", 64, 128, 4) { Bias = true }, ((MixtureShape)oss.Mlp).Router);
        Assert.Equal((8, 64, 128), (oss.Attention.KeyValueHeads, oss.Attention.HeadDimension, oss.Attention.Window));
    }

    [Fact]
    public void The_loss_of_routers_is_taken_only_where_the_configuration_asks_for_it()
    {
        Assert.Null(Read($$"""{"model_type": "mixtral", {{Sizes}}, "router_aux_loss_coef": 0.5}""").RouterLoss);
        Assert.Equal(0.5, Read($$"""{"model_type": "mixtral", {{Sizes}}, "router_aux_loss_coef": 0.5, "output_router_logits": true}""").RouterLoss);
        Assert.Equal(0.001, Read($$"""{"model_type": "mixtral", {{Sizes}}, "output_router_logits": true}""").RouterLoss);
        Assert.Equal(0.01, Read($$"""{"model_type": "olmoe", {{Sizes}}, "output_router_logits": true}""").RouterLoss);
    }

    [Theory]
    [InlineData("mixtral", """ "num_local_experts": 3, "num_experts_per_tok": 4 """, LoraError.ConfigInvalid, "num_experts_per_tok 4 is more than the 3 experts")]
    [InlineData("mixtral", """ "num_local_experts": 5000 """, LoraError.ConfigInvalid, "there are 5000 experts; expected are at most 1024")]
    [InlineData("mixtral", """ "router_jitter_noise": 0.1 """, LoraError.ConfigUnsupported, "router_jitter_noise is not 0")]
    [InlineData("olmoe", """ "clip_qkv": 8 """, LoraError.ConfigUnsupported, "clip_qkv is not null")]
    [InlineData("qwen2_moe", """ "use_sliding_window": true """, LoraError.ConfigUnsupported, "use_sliding_window without layer_types")]
    [InlineData("qwen3_moe", """ "mlp_only_layers": [0, "1"] """, LoraError.ConfigInvalid, "mlp_only_layers is not a list of whole numbers")]
    public void What_is_wrong_or_not_computed_is_said(string family, string keys, LoraError error, string expected)
    {
        LoraException exception = Assert.Throws<LoraException>(() => Read($$"""{"model_type": "{{family}}", {{Sizes}}, {{keys}}}"""));

        Assert.Equal(error, exception.Error);
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_largest_stacks_that_a_configuration_can_state_are_told_from_those_of_the_checkpoint()
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = FamilyCase.Open("gpt_oss", files).Folder;
        File.WriteAllText(Path.Combine(folder, "config.json"), """
            {"model_type": "gpt_oss", "vocab_size": 101, "hidden_size": 16777216, "intermediate_size": 16777216, "num_attention_heads": 4, "num_key_value_heads": 2,
            "head_dim": 16, "num_hidden_layers": 3, "num_local_experts": 1024}
            """);

        LoraException exception = Assert.Throws<LoraException>(() => ModelLoader.Load(folder, CPU, ScalarType.Float32));

        Assert.Contains(exception.Problems, problem => problem.Error == LoraError.TensorShapeMismatch && problem.Message.Contains("experts.gate_up_proj'", StringComparison.Ordinal));
    }

    [Fact]
    public void Stacked_experts_are_not_held_in_4_bits_which_is_said_before_anything_is_read()
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = FamilyCase.Open("gpt_oss", files).Folder;

        LoraProblem problem = Assert.Single(QuantizedWeights.Check(new LoraConfig(), folder, LoraQuantization.NF4));

        Assert.Equal(LoraError.ConfigUnsupported, problem.Error);
        Assert.Contains("stacked in one parameter, as 'model.layers.0.mlp.experts", problem.Message, StringComparison.Ordinal);
        Assert.Empty(QuantizedWeights.Check(new LoraConfig(), folder, LoraQuantization.None));
        Assert.Empty(QuantizedWeights.Check(new LoraConfig(), FamilyCase.Open("qwen3_moe", files).Folder, LoraQuantization.NF4));
    }

    private ModelShape Read(string config)
    {
        files.Write("config.json", config);
        return ModelConfigReader.Read(files.Path);
    }

    private static PreNormShape Block(ModelShape shape) => Assert.IsType<PreNormShape>(shape.Blocks[0]);
}
