using System.Text;
using System.Text.Json;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tools.Fuzzer;

/// <summary>A small model in each form of quantised weights: its headers, the values of every weight, and the model itself.</summary>
internal static class QuantizedReaders
{
    private const int Size = 32; // of every matrix, both ways
    private const string Config = "config.json";
    private const string Weights = "model.safetensors";
    private const string Experts = "experts";

    private static readonly string[] Matrices =
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];

    private static readonly (string Name, string Quantization, (string Name, TensorDataType Type, long[] Shape)[] Parts)[] Forms =
    [
        ("gptq", """{"quant_method": "gptq", "bits": 4, "group_size": 32, "checkpoint_format": "gptq"}""",
            [("qweight", TensorDataType.I32, [4, Size]), ("qzeros", TensorDataType.I32, [1, 4]), ("scales", TensorDataType.F16, [1, Size]), ("g_idx", TensorDataType.I32, [Size])]),
        ("gptq-3", """{"quant_method": "gptq", "bits": 3, "group_size": 16, "checkpoint_format": "gptq_v2"}""",
            [("qweight", TensorDataType.I32, [3, Size]), ("qzeros", TensorDataType.I32, [2, 3]), ("scales", TensorDataType.F16, [2, Size])]),
        ("awq", """{"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemm"}""",
            [("qweight", TensorDataType.I32, [Size, 4]), ("qzeros", TensorDataType.I32, [1, 4]), ("scales", TensorDataType.F16, [1, Size])]),
        ("awq-gemv", """{"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemv"}""",
            [("qweight", TensorDataType.I32, [Size, 4]), ("qzeros", TensorDataType.I32, [Size, 1]), ("scales", TensorDataType.F16, [Size, 8])]),
        ("nf4", """{"quant_method": "bitsandbytes", "load_in_4bit": true}""",
            [("weight", TensorDataType.U8, [512, 1]), ("weight.absmax", TensorDataType.F32, [16]), ("weight.quant_map", TensorDataType.F32, [16])]),
        ("fp4-nested", """{"quant_method": "bitsandbytes", "load_in_4bit": true}""",
            [("weight", TensorDataType.U8, [512, 1]), ("weight.absmax", TensorDataType.U8, [16]), ("weight.nested_absmax", TensorDataType.F32, [1]), ("weight.nested_quant_map", TensorDataType.F32, [256])]),
        ("int8", """{"quant_method": "bitsandbytes", "load_in_8bit": true}""",
            [("weight", TensorDataType.I8, [Size, Size]), ("SCB", TensorDataType.F32, [Size]), ("weight_format", TensorDataType.U8, [])]),
        ("fp8", """{"quant_method": "fp8", "weight_block_size": [16, 16]}""",
            [("weight", TensorDataType.F8E4M3, [Size, Size]), ("weight_scale_inv", TensorDataType.F32, [2, 2]), ("input_scale", TensorDataType.F32, [])]),
        ("mxfp4", """{"quant_method": "compressed-tensors"}""",
            [("weight_packed", TensorDataType.U8, [Size, 16]), ("weight_scale", TensorDataType.U8, [Size, 1])]),
        ("packed", """{"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 16}}}}""",
        [
            ("weight_packed", TensorDataType.I32, [Size, 4]), ("weight_scale", TensorDataType.BF16, [Size, 2]), ("weight_zero_point", TensorDataType.I32, [4, 2]),
            ("weight_g_idx", TensorDataType.I32, [Size]), ("weight_shape", TensorDataType.I64, [2]),
        ]),
        (Experts, """{"quant_method": "mxfp4"}""",
        [
            ("gate_up_proj_blocks", TensorDataType.U8, [2, Size, 1, 16]), ("gate_up_proj_scales", TensorDataType.U8, [2, Size, 1]),
            ("down_proj_blocks", TensorDataType.U8, [2, Size, 1, 16]), ("down_proj_scales", TensorDataType.U8, [2, Size, 1]),
        ]),
    ];

    public static IReadOnlyList<Reader> All { get; } = [new("quantized", 60, Quantized)];

    private static OpenReader Quantized(string folder)
    {
        (string Form, SafetensorsDamage Weights, JsonDamage Config)[] damages = [.. Forms.Select(form =>
        {
            string model = Directory.CreateDirectory(Path.Combine(folder, form.Name)).FullName;
            Write(model, form.Name, form.Quantization, form.Parts);
            Read(model); // what is undamaged is read whole
            return (form.Name, new SafetensorsDamage(Path.Combine(model, Weights)), new JsonDamage(File.ReadAllBytes(Path.Combine(model, Config))));
        })];
        return new(
            random =>
            {
                (string form, SafetensorsDamage weights, JsonDamage config) = random.Any(damages);
                return random.Next(4) == 0 ? new(Path.Combine(form, Config), config.Apply(random)) : new(Path.Combine(form, Weights), weights.Apply(random));
            },
            input => Read(Path.Combine(folder, Path.GetDirectoryName(input.File)!)));
    }

    private static void Read(string model)
    {
        TorchLibrary.Load();
        using (Checkpoint checkpoint = Checkpoint.Open(model))
        {
            Unpack(checkpoint);
        }

        if (Path.GetFileName(model) != Experts)
        {
            using IDisposable noGradient = no_grad();
            ModelLoader.Load(model, CPU, ScalarType.BFloat16).Dispose();
        }
    }

    /// <summary>The values of every quantised weight, those too that the model has no place for.</summary>
    private static void Unpack(Checkpoint checkpoint)
    {
        StatedQuantization? stated = ModelIdentity.Read(checkpoint.Folder!).Quantization;
        StoredMatrixRules rules = new(stated, checkpoint);
        foreach (ModuleNode node in ModuleTree.Of(checkpoint).Nodes.Values)
        {
            if (rules.Of(node.Parts) is not StoredMatrix form)
            {
                continue;
            }

            using DisposeScope scope = NewDisposeScope();
            if (node.Parts.Keys.FirstOrDefault(part => part.EndsWith("_blocks", StringComparison.Ordinal)) is string blocks)
            {
                string parameter = blocks[..^"_blocks".Length];
                Dictionary<string, TensorInfo> parts = node.Parts.Where(part => part.Key.StartsWith(parameter, StringComparison.Ordinal)).ToDictionary();
                StoredForms.Of(form, new(node.Name, form.ToString(), parts, stated, checkpoint), parameter, [2, Size, Size]).Fill(empty([2, Size, Size], dtype: ScalarType.Float16, device: CPU));
            }
            else
            {
                StoredForms.Of(form, new(node.Name, form.ToString(), node.Parts, stated, checkpoint), "weight", [Size, Size]).Fill(empty([Size, Size], dtype: ScalarType.Float32, device: CPU));
            }
        }
    }

    /// <summary>A model of one block; every matrix has the same parts, of random bytes where any will do.</summary>
    private static void Write(string model, string form, string quantization, (string Name, TensorDataType Type, long[] Shape)[] parts)
    {
        File.WriteAllText(Path.Combine(model, Config), $$"""
            {
              "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 8, "hidden_size": {{Size}}, "intermediate_size": {{Size}},
              "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
              "quantization_config": {{quantization}}
            }
            """);
        Random random = new(1);
        List<TensorData> tensors = [Plain("model.embed_tokens", 8, Size), Plain("model.norm", Size), Plain("model.layers.0.input_layernorm", Size), Plain("model.layers.0.post_attention_layernorm", Size)];
        foreach (string matrix in form == Experts ? ["mlp.experts"] : Matrices)
        {
            tensors.AddRange(parts.Select(part => new TensorData($"model.layers.0.{matrix}.{part.Name}", part.Type, part.Shape, Content(part.Name, part.Type.ByteSize(part.Shape)!.Value, random))));
            if (form is "nf4" or "fp4-nested")
            {
                byte[] state = JsonSerializer.SerializeToUtf8Bytes(new { quant_type = form[..3], blocksize = 64, dtype = "bfloat16", shape = new[] { Size, Size } });
                state = form == "nf4" ? state : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(state).Replace("}", ",\"nested_blocksize\":256,\"nested_dtype\":\"float32\",\"nested_offset\":0.25}", StringComparison.Ordinal));
                tensors.Add(new($"model.layers.0.{matrix}.weight.quant_state.bitsandbytes__{form[..3]}", TensorDataType.U8, [state.Length], state));
            }
        }

        SafetensorsWriter.Write(Path.Combine(model, Weights), tensors);
    }

    private static TensorData Plain(string module, params long[] shape) => new(module + ".weight", TensorDataType.F32, shape, new byte[TensorDataType.F32.ByteSize(shape)!.Value]);

    private static byte[] Content(string part, long length, Random random)
    {
        byte[] bytes = new byte[length];
        if (!part.Contains("idx", StringComparison.Ordinal) && part is not ("weight_format" or "weight_shape"))
        {
            random.NextBytes(bytes);
        }

        return bytes;
    }
}
