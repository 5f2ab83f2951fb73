using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;

namespace Lora.Tests.Export;

/// <summary>What keeps an adapter from being merged is found in headers, all of it, before anything is written.</summary>
public sealed class MergeRulesTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("embed_tokens.lora_embedding_A", "embed_tokens.lora_embedding_B", "'lm_head'")]
    [InlineData("lm_head.lora_A.weight", "lm_head.lora_B.weight", "'model.embed_tokens'")]
    public void A_weight_that_the_head_shares_with_the_embedding_is_not_merged_into(string down, string up, string other)
    {
        Write("""{ "model_type": "llama", "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": true }""", ("model.embed_tokens.weight", [6, 4]));
        string prefix = down.StartsWith("embed", StringComparison.Ordinal) ? "model." : "";
        (long[] downShape, long[] upShape) = prefix.Length > 0 ? (new long[] { 2, 6 }, new long[] { 4, 2 }) : (new long[] { 2, 4 }, new long[] { 6, 2 });

        Assert.Contains(other, Refusal(new(), (prefix + down, downShape), (prefix + up, upShape)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_that_is_stored_twice_is_tied_all_the_same()
    {
        Write(
            """{ "model_type": "llama", "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": true }""",
            ("model.embed_tokens.weight", [6, 4]),
            ("lm_head.weight", [6, 4]));

        Assert.Equal(LoraError.MergeRefused, Refusal(new(), ("lm_head.lora_A.weight", [2, 4]), ("lm_head.lora_B.weight", [6, 2])).Error);
    }

    [Theory]
    [InlineData("pissa")]
    [InlineData("olora")]
    public void An_adapter_for_a_base_that_its_start_changed_is_refused(string initialization)
    {
        Write("{}", ("q.weight", [4, 4]));

        LoraException exception = Refusal(new() { Initialization = initialization }, ("q.lora_A.weight", [2, 4]), ("q.lora_B.weight", [4, 2]));

        Assert.Equal(LoraError.MergeRefused, exception.Error);
        Assert.Contains(initialization, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Everything_that_does_not_fit_is_said_together()
    {
        Write("{}", ("q.weight", [4, 4]), ("k.weight", [4, 8]), ("d.weight", [4, 4]));
        Directory.CreateDirectory(files.File("merged"));
        File.WriteAllText(files.File("merged/config.json"), "{}");

        LoraException exception = Refusal(
            new() { UseLoraBias = true },
            ("q.lora_A.weight", [2, 4]),
            ("q.lora_B.weight", [4, 2]),
            ("q.lora_B.bias", [4]),
            ("k.lora_A.weight", [2, 4]),
            ("k.lora_B.weight", [4, 2]),
            ("d.lora_A.weight", [2, 4]),
            ("d.lora_B.weight", [4, 2]),
            ("d.lora_magnitude_vector", [4]),
            ("away.lora_A.weight", [2, 4]),
            ("away.lora_B.weight", [4, 2]));

        string[] expected = ["exists already", "'q': the adapter has a bias", "'k.weight' is [4, 8]", "'d' has a magnitude without DoRA", "'away': the model has no such module"];
        Assert.All(expected, text => Assert.Contains(text, exception.Message, StringComparison.Ordinal));
        Assert.Equal("{}", File.ReadAllText(files.File("merged/config.json")));
    }

    [Theory]
    [InlineData(6, "'q6', 'q7', 'q8' and 3 more: the model has no such module", 4)]
    [InlineData(0, "(for [4, 4], and that of 'q0.weight' is [4, 8])", 8)]
    public void An_adapter_that_fits_nowhere_is_one_problem(int shift, string expected, long width)
    {
        Write("{}", [.. Enumerable.Range(0, 6).Select(number => ($"q{number}.weight", new long[] { 4, width }))]);

        (string, long[])[] tensors = [.. Enumerable.Range(shift, 6).SelectMany(number => new (string, long[])[] { ($"q{number}.lora_A.weight", [2, 4]), ($"q{number}.lora_B.weight", [4, 2]) })];
        LoraProblem problem = Assert.Single(Refusal(new(), tensors).Problems);

        Assert.Equal(LoraError.AdapterWeightsInvalid, problem.Error);
        Assert.Contains(expected, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantised_weights_are_refused_in_favour_of_the_original_ones()
    {
        Directory.CreateDirectory(files.File("model"));
        SafetensorsWriter.Write(files.File("model/model.safetensors"), [new("q.weight", TensorDataType.U8, [4, 4], new byte[16])]);

        Assert.Contains("U8", Refusal(new(), ("q.lora_A.weight", [2, 4]), ("q.lora_B.weight", [4, 2])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Neither_the_base_nor_an_adapter_is_written_over()
    {
        Write("{}", ("q.weight", [4, 4]));
        LoraAdapter adapter = Adapter(new(), ("q.lora_A.weight", [2, 4]), ("q.lora_B.weight", [4, 2]));
        AdapterFolder.Save(adapter, files.File("adapter"));

        Assert.Equal(LoraError.MergeRefused, Assert.Throws<LoraException>(() => ModelMerge.Write(adapter, files.File("model"), files.File("model/"), options: new() { Overwrite = true })).Error);
        Assert.Equal(LoraError.MergeRefused, Assert.Throws<LoraException>(() => ModelMerge.Write(adapter, files.File("model"), files.File("adapter"), options: new() { Overwrite = true })).Error);
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_an_error_with_the_system_s_reason()
    {
        Write("{}", ("q.weight", [4, 4]));
        files.Write("file", "");

        LoraException exception = Assert.Throws<LoraException>(() => ModelMerge.Write(
            Adapter(new(), ("q.lora_A.weight", [2, 4]), ("q.lora_B.weight", [4, 2])), files.File("model"), files.File("file/merged")));

        Assert.Equal(LoraError.OutputFailed, exception.Error);
    }

    private LoraException Refusal(LoraConfig config, params (string Name, long[] Shape)[] tensors) =>
        Assert.Throws<LoraException>(() => ModelMerge.Write(Adapter(config, tensors), files.File("model"), files.File("merged")));

    private void Write(string config, params (string Name, long[] Shape)[] tensors)
    {
        Directory.CreateDirectory(files.File("model"));
        files.Write("model/config.json", config);
        SafetensorsWriter.Write(files.File("model/model.safetensors"), tensors.Select(tensor => Ones(tensor.Name, tensor.Shape)));
    }

    private static LoraAdapter Adapter(LoraConfig config, params (string Name, long[] Shape)[] tensors) => new()
    {
        Config = config with { Rank = 2, Alpha = 2 },
        Tensors = [.. tensors.Select(tensor => Ones("base_model.model." + tensor.Name, tensor.Shape))],
    };

    private static TensorData Ones(string name, long[] shape)
    {
        float[] values = [.. Enumerable.Repeat(1f, (int)shape.Aggregate((count, size) => count * size))];
        return new(name, TensorDataType.F32, shape, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
    }
}
