using System.Runtime.InteropServices;
using Lora.Checkpoints;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Quantization;

/// <summary>gpt-oss as it is released, its experts in MXFP4, against the same model of numbers.</summary>
public sealed class MicroscaledExpertsTests : IDisposable
{
    private const string Config = """
        {
          "model_type": "gpt_oss", "architectures": ["GptOssForCausalLM"], "vocab_size": 40, "hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 2,
          "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32, "num_local_experts": 4, "num_experts_per_tok": 2, "max_position_embeddings": 64
        """;

    private static readonly double[] Numbers = [0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6];

    private readonly TemporaryFolder files = new();

    public MicroscaledExpertsTests()
    {
        Directory.CreateDirectory(files.File("plain"));
        Directory.CreateDirectory(files.File("packed"));
        files.Write("plain/config.json", Config + "}");
        files.Write("packed/config.json", Config + """, "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head"]}}""");
        List<TensorData> plain = [];
        List<TensorData> packed = [];
        foreach ((int number, (string name, long[] shape)) in RequiredTensors.Of(ModelConfigReader.Read(files.File("plain"))).Index())
        {
            Random random = new(number);
            if (shape is [long experts, long inputs, long outputs])
            {
                int[] codes = StoredCase.Codes((int)(experts * inputs * outputs), 16, number); // [experts, out, in], as the file has them
                byte[] powers = [.. codes.Where((_, at) => at % 32 == 0).Select(code => (byte)(120 + (code % 4)))];
                packed.Add(new(name + "_blocks", TensorDataType.U8, [experts, outputs, inputs / 32, 16], codes.Chunk(2).Select(pair => (byte)(pair[0] | (pair[1] << 4))).ToArray()));
                packed.Add(new(name + "_scales", TensorDataType.U8, [experts, outputs, inputs / 32], powers));
                plain.Add(Single(name, shape, from expert in Enumerable.Range(0, (int)experts)
                                              from input in Enumerable.Range(0, (int)inputs)
                                              from output in Enumerable.Range(0, (int)outputs)
                                              let at = (int)((((expert * outputs) + output) * inputs) + input)
                                              select (float)(Numbers[codes[at]] * Math.Pow(2, powers[at / 32] - 127))));
            }
            else
            {
                TensorData tensor = Single(name, shape, Enumerable.Range(0, (int)shape.Aggregate(1L, (count, size) => count * size)).Select(_ => (float)(random.NextDouble() - 0.5) / 4));
                plain.Add(tensor);
                packed.Add(tensor);
            }
        }

        SafetensorsWriter.Write(files.File("plain/model.safetensors"), plain);
        SafetensorsWriter.Write(files.File("packed/model.safetensors"), packed);
    }

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData(ScalarType.Float32, LoraQuantization.None)]
    [InlineData(ScalarType.Float32, LoraQuantization.NF4)]
    [InlineData(ScalarType.BFloat16, LoraQuantization.None)]
    public void It_computes_what_the_model_of_numbers_computes(ScalarType type, LoraQuantization quantization)
    {
        using DisposeScope scope = NewDisposeScope();

        // A value of E2M1 times a power of two has no more digits than any dtype: nothing is rounded.
        Assert.True(Logits("packed", type, quantization).Equals(Logits("plain", type, quantization)));
        Assert.Null(UnusedTensors.Warning(files.File("packed"), ModelConfigReader.Read(files.File("packed"))));
    }

    [Fact]
    public void Its_experts_are_listed_with_the_shape_that_is_loaded()
    {
        LoraModuleInfo[] experts = [.. ModuleTree.Read(files.File("packed")).Modules.Where(module => module.Kind == LoraModuleKind.Expert)];

        Assert.Equal(
            RequiredTensors.Of(ModelConfigReader.Read(files.File("packed"))).Where(tensor => tensor.Shape.Length == 3).Select(tensor => (tensor.Name, string.Join(" x ", tensor.Shape))).Order(),
            experts.Select(expert => (expert.Name, string.Join(" x ", expert.Shape))).Order());
        Assert.All(experts, expert => Assert.Equal("MXFP4 4-bit", expert.Quantization));
    }

    private Tensor Logits(string model, ScalarType type, LoraQuantization quantization)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using CausalLanguageModel loaded = ModelLoader.Load(files.File(model), CPU, type, quantization);
        return loaded.call(tensor(new long[] { 3, 5, 7, 11, 13 }, [1, 5], device: CPU)).MoveToOuterDisposeScope();
    }

    private static TensorData Single(string name, long[] shape, IEnumerable<float> values) =>
        new(name, TensorDataType.F32, shape, MemoryMarshal.AsBytes(values.ToArray().AsSpan()).ToArray());
}
