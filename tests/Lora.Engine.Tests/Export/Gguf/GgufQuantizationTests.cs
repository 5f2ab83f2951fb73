using System.Text.Json.Nodes;
using LLama.Native;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Tests.Models;

namespace Lora.Tests.Export;

/// <summary>Quantised files against those that llama.cpp's own quantiser makes of our float32 file: the same forms, and every block byte for byte.</summary>
public sealed class GgufQuantizationTests : IDisposable
{
    // Rows of 256 and more, so that the head is of Q6_K in a file of Q4_0; experts as Mixtral has them, of which keys and values stay finer.
    private const string Wide = """
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 300, "max_position_embeddings": 64, "rms_norm_eps": 1e-05, "tie_word_embeddings": TIED}
        """;

    private const string Experts = """
        {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_size": 256, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 300, "max_position_embeddings": 64, "num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": null}
        """;

    // What each of these families reads of it.
    private const string OfFamilies = """
        {"architectures": ["CLASS"], "model_type": "FAMILY", "hidden_size": 256, "intermediate_size": 288, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
        "head_dim": 64, "vocab_size": 300, "max_position_embeddings": 64, "original_max_position_embeddings": 64, "pad_token_id": 0, "rotary_pct": 0.25, "num_experts": 8,
        "num_experts_per_tok": 2, "moe_intermediate_size": 64, "norm_topk_prob": true, "decoder_sparse_step": 1, "mlp_only_layers": [], "tie_word_embeddings": false}
        """;

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("wide", LoraTensorType.Q8_0)]
    [InlineData("wide", LoraTensorType.Q4_0)]
    [InlineData("tied", LoraTensorType.Q8_0)]
    [InlineData("tied", LoraTensorType.Q4_0)]
    [InlineData("experts", LoraTensorType.Q8_0)]
    [InlineData("experts", LoraTensorType.Q4_0)]
    public void Random_models_get_the_blocks_of_llama_quantize(string model, LoraTensorType type) => AssertSame(FamilyCase.Random(model switch
    {
        "experts" => Experts,
        _ => Wide.Replace("TIED", model == "tied" ? "true" : "false", StringComparison.Ordinal),
    }, files).Folder, type);

    [Theory]
    [InlineData("gemma", LoraTensorType.Q8_0)]
    [InlineData("gemma", LoraTensorType.Q4_0)]
    [InlineData("gpt2", LoraTensorType.Q8_0)]
    [InlineData("gpt2", LoraTensorType.Q4_0)]
    [InlineData("bert_seqcls", LoraTensorType.Q8_0)]
    [InlineData("bert_seqcls", LoraTensorType.Q4_0)]
    public void Families_get_the_blocks_of_llama_quantize(string family, LoraTensorType type) => AssertSame(GoldenFamily.FolderOf(family), type);

    [Theory]
    [InlineData("gpt_neox", "GPTNeoXForCausalLM")]
    [InlineData("phi3", "Phi3ForCausalLM")]
    [InlineData("qwen2", "Qwen2ForCausalLM")]
    [InlineData("qwen3", "Qwen3ForCausalLM")]
    [InlineData("qwen3_moe", "Qwen3MoeForCausalLM")]
    public void Families_whose_reference_run_has_other_rows_get_the_blocks_of_llama_quantize(string family, string name)
    {
        string model = FamilyCase.Random(OfFamilies.Replace("FAMILY", family, StringComparison.Ordinal).Replace("CLASS", name, StringComparison.Ordinal), files).Folder;
        AssertSame(model, LoraTensorType.Q8_0);
        AssertSame(model, LoraTensorType.Q4_0);
    }

    /// <summary>The reference run's with heads of 8 in place of 12, so that the rows of each matrix are whole blocks.</summary>
    [Theory]
    [InlineData(LoraTensorType.Q8_0)]
    [InlineData(LoraTensorType.Q4_0)]
    public void T5_gets_the_blocks_of_llama_quantize(LoraTensorType type)
    {
        const int Inner = 32;
        string golden = GoldenFamily.FolderOf("t5"), folder = Directory.CreateDirectory(files.File("model")).FullName;
        JsonObject values = JsonNode.Parse(File.ReadAllText(Path.Combine(golden, "config.json")))!.AsObject();
        (values["d_kv"], values["relative_attention_max_distance"]) = (8, 128);
        File.WriteAllText(Path.Combine(folder, "config.json"), values.ToJsonString());
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), [.. SafetensorsFile.ReadAll(Path.Combine(golden, "model.safetensors")).Select(Narrowed)]);
        AssertSame(folder, type);

        static TensorData Narrowed(TensorData tensor) => tensor.Name.Split('.')[^2] switch
        {
            "q" or "k" or "v" => AdapterTensors.Copy(tensor.Name, AdapterTensors.Read(tensor).narrow(0, 0, Inner)),
            "o" => AdapterTensors.Copy(tensor.Name, AdapterTensors.Read(tensor).narrow(1, 0, Inner)),
            _ => tensor,
        };
    }

    [Theory]
    [InlineData(LoraTensorType.Q8_0)]
    [InlineData(LoraTensorType.Q4_0)]
    public void Rows_that_are_no_whole_blocks_which_llama_quantize_refuses_are_of_half_precision(LoraTensorType type)
    {
        string path = files.File("x.gguf");
        GgufModel.WriteWithTokens(null, GoldenFamily.FolderOf("llama3"), path, type, GgufFamilyTests.NoVocabulary); // rows of 48, and of 64 in one matrix of each block

        Assert.All(GgufHeader.Read(path).Tensors, tensor => Assert.Equal(
            tensor.Shape.Length == 1 ? GgufTensorType.F32 : tensor.Shape[^1] == 48 ? GgufTensorType.F16 : type == LoraTensorType.Q8_0 ? GgufTensorType.Q8_0 : GgufTensorType.Q4_0, tensor.Type));
        using LlamaClient client = LlamaClient.Open(path);
        Assert.All(client.Logits([5, 6, 7]), logits => Assert.All(logits, logit => Assert.True(float.IsFinite(logit))));
    }

    [Fact]
    public void Values_of_all_kinds_are_rounded_as_llama_quantize_rounds_them()
    {
        // Halves between two codes, blocks of zeros, of one value, of both signs of the largest one, and sizes down to where half precision ends.
        string folder = FamilyCase.Random(Wide.Replace("TIED", "false", StringComparison.Ordinal), files).Folder;
        string file = Path.Combine(folder, "model.safetensors");
        Random random = new(5);
        TensorData[] tensors = [.. SafetensorsFile.ReadAll(file).Select(tensor => tensor.Shape.Length == 1 ? tensor : new TensorData(tensor.Name, tensor.DataType, tensor.Shape, Values(tensor.ByteCount / sizeof(float), random)))];
        SafetensorsWriter.Write(file, tensors);
        AssertSame(folder, LoraTensorType.Q8_0);
        AssertSame(folder, LoraTensorType.Q4_0);
    }

    private static byte[] Values(int count, Random random)
    {
        float[] values = new float[count];
        for (int start = 0; start < count; start += 32)
        {
            Span<float> block = values.AsSpan(start, 32);
            int kind = random.Next(6);
            float size = MathF.Pow(10, random.Next(-9, 4));
            for (int index = 0; index < block.Length && kind > 0; index++)
            {
                block[index] = kind switch
                {
                    1 => size,
                    2 => (index % 2 == 0 ? size : -size) * (random.Next(2) == 0 ? 1 : 0.5f),
                    3 => size * (random.Next(-254, 255) / 2f) / 127, // halves of Q8_0
                    4 => size * (random.Next(-16, 17) / 2f) / 8, // halves of Q4_0
                    _ => size * ((random.NextSingle() * 2) - 1),
                };
            }
        }

        byte[] bytes = new byte[count * sizeof(float)];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
        return bytes;
    }

    private void AssertSame(string model, LoraTensorType type)
    {
        LlamaClient.SkipWhereItDoesNotRun();
        string exact = files.File("exact.gguf"), ours = files.File("ours.gguf"), theirs = files.File("theirs.gguf");
        ModelMergeOptions options = new() { Overwrite = true, Warn = _ => { } };
        GgufModel.WriteWithTokens(null, model, exact, LoraTensorType.F32, GgufFamilyTests.NoVocabulary, options);
        GgufModel.WriteWithTokens(null, model, ours, type, GgufFamilyTests.NoVocabulary, options);
        LlamaClient.Quantize(exact, theirs, type == LoraTensorType.Q8_0 ? LLamaFtype.MOSTLY_Q8_0 : LLamaFtype.MOSTLY_Q4_0);

        GgufHeader written = GgufHeader.Read(ours), expected = GgufHeader.Read(theirs);
        Assert.Equal(expected.Tensors.Select(tensor => tensor.ToString()).Order(), written.Tensors.Select(tensor => tensor.ToString()).Order());
        Dictionary<string, GgufTensor> byName = written.Tensors.ToDictionary(tensor => tensor.Name);
        Assert.All(expected.Tensors, tensor => Assert.True(written.ReadTensor(byName[tensor.Name]).AsSpan().SequenceEqual(expected.ReadTensor(tensor)), tensor.Name));
        Assert.Equal(expected["general.file_type"]!.Content, written["general.file_type"]!.Content);
        Assert.Equal(expected["general.quantization_version"]!.Content, written["general.quantization_version"]!.Content);
    }
}
