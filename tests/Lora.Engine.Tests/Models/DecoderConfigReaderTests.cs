using CsCheck;
using Lora.Models;
using Lora.Tests.Checkpoints;

namespace Lora.Tests.Models;

public sealed class DecoderConfigReaderTests : IDisposable
{
    private const int Inputs = 2000;

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
    public void Everything_that_is_wrong_is_said_at_once(string json, params string[] expected)
    {
        folder.Write("config.json", json);
        LoraException exception = Assert.Throws<LoraException>(() => DecoderConfigReader.Read(folder.Path));

        Assert.Equal(LoraError.ConfigInvalid, exception.Error);
        Assert.All(expected, text => Assert.Contains(text, exception.Message, StringComparison.Ordinal));
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
    public void A_damaged_file_gives_nothing_but_named_errors()
    {
        byte[] whole = File.ReadAllBytes(Repository.Fixture("families", "llama3", "config.json"));
        int refused = 0;
        Mutation.Several.Sample(
            mutations =>
            {
                folder.Write("config.json", mutations.Aggregate(whole, (bytes, mutation) => mutation.Apply(bytes)));
                try
                {
                    DecoderConfigReader.Read(folder.Path);
                }
                catch (LoraException)
                {
                    refused++;
                }
            },
            iter: Inputs,
            threads: 1);

        Assert.True(refused > 0);
    }

    private DecoderConfig Read(string json)
    {
        folder.Write("config.json", json);
        return DecoderConfigReader.Read(folder.Path);
    }
}
