using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Models;
using Lora.Native;
using Lora.Tests.Adapters;
using Lora.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>Adapters of PEFT's reference runs as files for llama.cpp's --lora.</summary>
public sealed class GgufAdapterTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("base")]
    [InlineData("gauss")]
    [InlineData("orth")]
    [InlineData("layers")]
    [InlineData("rslora")]
    [InlineData("ranks")]
    [InlineData("pissa")]
    [InlineData("olora")]
    public void Llama_cpp_computes_what_PEFT_computed(string run)
    {
        string model = files.File("base.gguf"), adapter = files.File("adapter.gguf");
        GgufModel.WriteWithTokens(null, PeftAdapter.Model, model, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);
        GgufAdapter.Save(PeftAdapter.Of(run), PeftAdapter.Model, adapter, LoraTensorType.F32);

        using DisposeScope scope = NewDisposeScope();
        (Tensor ids, Tensor logits) = PeftAdapter.End(run);
        using LlamaClient client = LlamaClient.Open(model, adapter);
        for (int row = 0; row < ids.shape[0]; row++)
        {
            int[] tokens = [.. ids[row].to(ScalarType.Int64).data<long>().Select(id => (int)id)];
            Tensor given = stack([.. client.Logits(tokens).Select(values => tensor(values))]); // [tokens, vocabulary]
            Assert.InRange(Closeness.Largest(given, logits[row]), 0, 1e-4);
            Assert.Equal(logits[row].argmax(-1).data<long>().ToArray(), given.argmax(-1).data<long>().ToArray());
        }
    }

    [Theory]
    [InlineData("dora", "uses DoRA")]
    [InlineData("bias", "trains biases")]
    [InlineData("save", "trains modules whole")]
    [InlineData("embed", "shares its weight")]
    public void What_has_no_such_form_is_refused_with_the_way_out(string run, string reason)
    {
        string path = files.File("adapter.gguf");
        LoraException exception = Assert.Throws<LoraException>(() => GgufAdapter.Save(PeftAdapter.Of(run), PeftAdapter.Model, path));

        Assert.Contains(exception.Problems, problem => problem.Error == LoraError.FormatRefused && problem.Message.Contains(reason, StringComparison.Ordinal));
        Assert.Contains("Export-LoraModel", exception.Problem.Advice, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void An_adapter_of_another_family_is_refused_in_one_line_with_a_few_of_its_modules()
    {
        LoraException exception = Assert.Throws<LoraException>(() => GgufAdapter.Save(PeftAdapter.Of("base"), Path.Combine(Repository.Root, "tests", "fixtures", "families", "gpt2"), files.File("adapter.gguf")));
        Assert.Contains("architecture gpt2 for '", Assert.Single(exception.Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Blocks_of_codes_are_refused_and_values_beyond_half_precision_are_named()
    {
        LoraAdapter adapter = PeftAdapter.Of("base");
        Assert.Contains("too short for the blocks of Q8_0", Assert.Throws<LoraException>(() => GgufAdapter.Save(adapter, PeftAdapter.Model, files.File("a.gguf"), LoraTensorType.Q8_0)).Message, StringComparison.Ordinal);
        LoraAdapter large = adapter.With(adapter.Config with { AlphaPattern = [new() { Pattern = "up_proj", Value = 1e9 }] });
        Assert.Contains("F16 does not hold", Assert.Throws<LoraException>(() => GgufAdapter.Save(large, PeftAdapter.Model, files.File("a.gguf"))).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(files.Path));
    }

    [Theory]
    [InlineData(LoraTensorType.F16, 2e-2)]
    [InlineData(LoraTensorType.BF16, 1e-1)]
    public void Half_precision_costs_what_it_rounds_off(LoraTensorType type, double tolerance)
    {
        string model = files.File("base.gguf"), adapter = files.File("adapter.gguf");
        GgufModel.WriteWithTokens(null, PeftAdapter.Model, model, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);
        GgufAdapter.Save(PeftAdapter.Of("base"), PeftAdapter.Model, adapter, type);

        using DisposeScope scope = NewDisposeScope();
        (Tensor ids, Tensor logits) = PeftAdapter.End("base");
        using LlamaClient client = LlamaClient.Open(model, adapter);
        Tensor given = stack([.. client.Logits([.. ids[0].to(ScalarType.Int64).data<long>().Select(id => (int)id)]).Select(values => tensor(values))]);
        Assert.InRange(Closeness.Largest(given, logits[0]), 1e-5, tolerance);
    }

    [Theory]
    [InlineData("base")]
    [InlineData("ranks")]
    [InlineData("rslora")]
    public void A_file_is_read_back_as_the_same_change(string run)
    {
        LoraAdapter adapter = PeftAdapter.Of(run);
        string path = files.File("adapter.gguf");
        GgufAdapter.Save(adapter, PeftAdapter.Model, path, LoraTensorType.F32);

        AssertSameChange(adapter, AdapterFile.Load(path));
        LoraAdapterInfo info = AdapterFile.Describe(path, withNorms: true);
        Assert.Equal((LoraAdapterFormat.Gguf, FactorPair.Of(adapter).Count, "F32"), (info.Format, info.ModuleCount, info.DataType));
        Assert.Empty(info.Unsupported);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("gpt_neox")]
    [InlineData("llama3")]
    [InlineData("phi3")]
    [InlineData("qwen3_moe")]
    [InlineData("t5")]
    public void Files_of_every_order_of_rows_are_read_back(string family)
    {
        string folder = GoldenFamily.FolderOf(family), path = files.File("adapter.gguf");
        LoraAdapter adapter = AdapterFolder.Load(Path.Combine(folder, "adapter"));
        GgufAdapter.Save(adapter, folder, path, LoraTensorType.F32);

        LoraAdapter read = AdapterFile.Load(path);
        AssertSameChange(adapter, read);
        Assert.Equal(adapter.Config.TaskType, read.Config.TaskType);
    }

    [Fact]
    public void A_file_of_BERT_s_is_read_back_as_a_classifier_s()
    {
        string folder = Repository.Shared("families", "bert_seqcls"), path = files.File("adapter.gguf");
        LoraAdapter whole = AdapterFolder.Load(Path.Combine(folder, "adapter"));
        LoraAdapter adapter = new() { Config = whole.Config with { ModulesToSave = null }, Tensors = [.. whole.Tensors.Where(tensor => FactorPair.IsFactor(tensor.Name))], Labels = whole.Labels };
        GgufAdapter.Save(adapter, folder, path, LoraTensorType.F32);

        LoraAdapter read = AdapterFile.Load(path);
        AssertSameChange(adapter, read);
        Assert.Equal("SEQ_CLS", read.Config.TaskType);
    }

    /// <summary>T5's wi and wi_1 have one name in a file; its own word or the gate beside it tells which is meant.</summary>
    [Fact]
    public void A_file_of_T5_that_does_not_say_whether_it_has_gates_is_described_and_not_read()
    {
        string folder = GoldenFamily.FolderOf("t5"), path = files.File("adapter.gguf"), silent = files.File("silent.gguf"), gated = files.File("gated.gguf");
        GgufAdapter.Save(AdapterFolder.Load(Path.Combine(folder, "adapter")), folder, path, LoraTensorType.F32);
        GgufHeader header = GgufHeader.Read(path);
        GgufField[] fields = [.. header.Fields.Where(field => field.Key != "t5.feed_forward_gated")];
        GgufWriter.Write(silent, fields, header.Tensors, (tensor, stream) => stream.Write(header.ReadTensor(tensor)));
        Assert.Contains("whether its MLPs have a gate", Assert.Single(AdapterFile.Describe(silent).Unsupported), StringComparison.Ordinal);
        Assert.Equal(LoraError.AdapterFeatureUnsupported, Assert.Throws<LoraException>(() => AdapterFile.Load(silent)).Error);

        (GgufTensor Written, GgufTensor Source)[] both = [.. header.Tensors.SelectMany(tensor => tensor.Name.Contains("ffn_up", StringComparison.Ordinal)
            ? new[] { (tensor, tensor), (new GgufTensor(tensor.Name.Replace("ffn_up", "ffn_gate", StringComparison.Ordinal), tensor.Type, tensor.Shape), tensor) } : [(tensor, tensor)])];
        GgufWriter.Write(gated, fields, [.. both.Select(pair => pair.Written)], (tensor, stream) => stream.Write(header.ReadTensor(both.Single(pair => pair.Written.Name == tensor.Name).Source)));
        IReadOnlyDictionary<string, FactorPair> read = FactorPair.Of(AdapterFile.Load(gated));
        Assert.Contains("encoder.block.0.layer.1.DenseReluDense.wi_0", read.Keys);
        Assert.Contains("encoder.block.0.layer.1.DenseReluDense.wi_1", read.Keys);
        Assert.DoesNotContain("encoder.block.0.layer.1.DenseReluDense.wi", read.Keys);
    }

    [Fact]
    public void A_base_whose_configuration_says_other_heads_than_its_weights_have_is_refused_since_rows_would_be_in_a_wrong_order()
    {
        string folder = Directory.CreateDirectory(files.File("model")).FullName;
        File.Copy(Path.Combine(PeftAdapter.Model, "model.safetensors"), Path.Combine(folder, "model.safetensors"));
        System.Text.Json.Nodes.JsonNode config = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(PeftAdapter.Model, "config.json")))!;
        config["head_dim"] = 4;
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());

        LoraException exception = Assert.Throws<LoraException>(() => GgufAdapter.Save(PeftAdapter.Of("base"), folder, files.File("adapter.gguf")));
        Assert.Contains("outputs, and by its config.json", Assert.Single(exception.Problems).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(files.File("adapter.gguf")));
    }

    [Fact]
    public void An_adapter_of_a_base_that_is_not_written_is_written_with_a_warning_that_says_why()
    {
        string folder = Directory.CreateDirectory(files.File("model")).FullName;
        File.Copy(Path.Combine(PeftAdapter.Model, "model.safetensors"), Path.Combine(folder, "model.safetensors"));
        System.Text.Json.Nodes.JsonNode config = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(PeftAdapter.Model, "config.json")))!;
        config["rope_scaling"] = new System.Text.Json.Nodes.JsonObject { ["rope_type"] = "dynamic", ["factor"] = 2.0 };
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        List<string> warnings = [];

        GgufAdapter.Save(PeftAdapter.Of("base"), folder, files.File("dynamic.gguf"), warn: warnings.Add);
        Assert.Contains("rope_scaling dynamic", Assert.Single(warnings), StringComparison.Ordinal);
        GgufAdapter.Save(PeftAdapter.Of("base"), PeftAdapter.Model, files.File("plain.gguf"), warn: warnings.Add);
        Assert.Single(warnings);
    }

    [Fact]
    public void An_embedding_and_a_head_that_are_not_one_weight_are_written_and_read_back()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string folder = GoldenFamily.FolderOf("llama_linear"), model = files.File("base.gguf"), path = files.File("adapter.gguf");
        using Generator generator = new(3, CPU);
        LoraAdapter adapter = new()
        {
            Config = new() { Rank = 4, Alpha = 8, TargetModule = ["embed_tokens", "lm_head"] },
            Tensors =
            [
                Random("model.embed_tokens", "lora_embedding_A", [4, 101]), Random("model.embed_tokens", "lora_embedding_B", [32, 4]),
                Random("lm_head", "lora_A.weight", [4, 32]), Random("lm_head", "lora_B.weight", [101, 4]),
            ],
        };
        GgufModel.WriteWithTokens(null, folder, model, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);
        GgufAdapter.Save(adapter, folder, path, LoraTensorType.F32);

        AssertSameChange(adapter, AdapterFile.Load(path));
        using CausalLanguageModel loaded = ModelLoader.Load(folder, CPU, ScalarType.Float32);
        using AttachedLora attached = LoraModules.Load(loaded, adapter);
        int[] ids = [3, 17, 58, 99, 4];
        using LlamaClient client = LlamaClient.Open(model, path);
        Tensor given = stack([.. client.Logits(ids).Select(values => tensor(values))]);
        Assert.InRange(Closeness.Largest(given, loaded.call(tensor(ids, [1, ids.Length], ScalarType.Int64))[0]), 0, 1e-4);

        TensorData Random(string module, string name, long[] shape) => AdapterTensors.Copy(PeftKey.Of(module, name), randn(shape, generator: generator));
    }

    [Fact]
    public void A_file_without_the_number_of_heads_is_described_and_not_read()
    {
        string path = files.File("adapter.gguf"), other = files.File("other.gguf");
        GgufAdapter.Save(PeftAdapter.Of("base"), PeftAdapter.Model, path);
        GgufHeader header = GgufHeader.Read(path);
        GgufWriter.Write(other, [.. header.Fields.Where(field => !field.Key.Contains("head_count", StringComparison.Ordinal))], header.Tensors, (tensor, stream) => stream.Write(header.ReadTensor(tensor)));

        Assert.Contains("does not state the number of heads", Assert.Single(AdapterFile.Describe(other).Unsupported), StringComparison.Ordinal);
        Assert.Equal(LoraError.AdapterFeatureUnsupported, Assert.Throws<LoraException>(() => AdapterFile.Load(other)).Error);
    }

    [Fact]
    public void The_base_on_the_hub_is_named_and_an_alpha_of_zero_is_a_change_of_zero()
    {
        string path = files.File("adapter.gguf");
        LoraAdapter adapter = PeftAdapter.Of("base");
        GgufAdapter.Save(adapter.With(adapter.Config with { Alpha = 0, BaseModelNameOrPath = "karpathy/stories260K" }), PeftAdapter.Model, path, LoraTensorType.F32);

        GgufHeader header = GgufHeader.Read(path);
        Assert.Equal(1f, header["adapter.lora.alpha"]!.Content);
        Assert.All(header.Tensors.Where(tensor => tensor.Name.EndsWith("lora_b", StringComparison.Ordinal)), tensor => Assert.All(header.ReadTensor(tensor), value => Assert.Equal(0, value & 0x7F)));
        Assert.Equal("karpathy/stories260K", AdapterFile.Load(path).BaseModel);
    }

    [Fact]
    public void The_chat_template_and_the_name_of_a_base_in_a_folder_stay_with_it_and_llama_cpp_loads_it()
    {
        string path = files.File("adapter.gguf");
        LoraAdapter plain = PeftAdapter.Of("base");
        LoraAdapter adapter = new() { Config = plain.Config with { BaseModelNameOrPath = null, Model = "/somewhere/of/mine/stories" }, Tensors = plain.Tensors, ChatTemplate = "{{ messages }}" };
        GgufAdapter.Save(adapter, PeftAdapter.Model, path, LoraTensorType.F32);

        Assert.Equal("{{ messages }}", AdapterFile.Load(path).ChatTemplate);
        LoraAdapterInfo described = AdapterFile.Describe(path);
        Assert.Equal(("stories", "{{ messages }}"), (described.BaseModel, described.ChatTemplate));
        Assert.DoesNotContain("somewhere", System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(path)), StringComparison.Ordinal);
        string model = files.File("base.gguf");
        GgufModel.WriteWithTokens(null, PeftAdapter.Model, model, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);
        LlamaClient.Open(model, path).Dispose();
        Assert.Null(AdapterFile.Load(path).BaseModel); // a name is no place: nothing of that name is taken for it
    }

    /// <summary>The same products for the same modules; experts that only one of the two has are zero.</summary>
    private static void AssertSameChange(LoraAdapter expected, LoraAdapter read)
    {
        using DisposeScope scope = NewDisposeScope();
        IReadOnlyDictionary<string, FactorPair> given = FactorPair.Of(read);
        Assert.Empty(AdapterWeightRules.Check(read.Config, read.Tensors, "read"));
        foreach ((string module, FactorPair pair) in FactorPair.Of(expected))
        {
            Tensor product = pair.UpMatrix().mm(pair.DownMatrix()).Times(pair.Scaling);
            FactorPair other = given[module];
            Assert.InRange(Closeness.Relative(other.UpMatrix().mm(other.DownMatrix()).Times(other.Scaling), product), 0, 1e-6);
        }
    }
}
