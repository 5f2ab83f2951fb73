using System.Buffers.Binary;
using Lora.Checkpoints;
using Lora.Selection;

namespace Lora.Tests.Checkpoints;

/// <summary>Tensors with the names, dtypes and shapes that each library writes for one matrix of 128 x 256 in 4 or 8 bits.</summary>
public sealed class StoredMatrixRulesTests : IDisposable
{
    private const string Module = "model.layers.0.self_attn.q_proj";

    private static readonly (string, TensorDataType, long[])[] Gptq =
        [("qweight", TensorDataType.I32, [32, 128]), ("qzeros", TensorDataType.I32, [2, 16]), ("scales", TensorDataType.F16, [2, 128]), ("g_idx", TensorDataType.I32, [256])];

    private static readonly (string, TensorDataType, long[])[] Awq =
        [("qweight", TensorDataType.I32, [256, 16]), ("qzeros", TensorDataType.I32, [2, 16]), ("scales", TensorDataType.F16, [2, 128])];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void GPTQ_packs_the_inputs() => Check("GPTQ 4-bit", "I32", Gptq);

    [Fact]
    public void GPTQ_of_3_bits_is_told_by_its_shapes() => Check(
        "GPTQ 3-bit", "I32", [("qweight", TensorDataType.I32, [24, 128]), ("scales", TensorDataType.F16, [2, 128]), ("g_idx", TensorDataType.I32, [256])]);

    [Fact]
    public void AWQ_packs_the_outputs() => Check("AWQ 4-bit", "I32", Awq);

    [Fact]
    public void AWQ_in_its_other_order_is_told_by_config_json()
    {
        folder.Write("config.json", """{"quantization_config": {"quant_method": "awq", "bits": 4, "version": "gemv"}}""");
        Check("AWQ 4-bit", "I32", [("qweight", TensorDataType.I32, [128, 32]), ("scales", TensorDataType.F16, [128, 2])]);
    }

    [Fact]
    public void bitsandbytes_says_the_shape_in_a_text() => Check(
        "bitsandbytes NF4", "U8",
        [("weight", TensorDataType.U8, [16384, 1]), ("weight.absmax", TensorDataType.U8, [512]), ("weight.quant_map", TensorDataType.F32, [16])],
        ("weight.quant_state.bitsandbytes__nf4", TensorDataType.U8, """{"quant_type": "nf4", "blocksize": 64, "shape": [128, 256]}"""u8.ToArray()));

    [Fact]
    public void bitsandbytes_in_8_bits_has_the_shape_of_its_weight() => Check(
        "bitsandbytes 8-bit", "I8", [("weight", TensorDataType.I8, [128, 256]), ("SCB", TensorDataType.F32, [128]), ("weight_format", TensorDataType.U8, [])]);

    [Fact]
    public void HQQ_writes_its_shape_as_a_tensor() => Check(
        "HQQ 4-bit", "U8",
        [("W_q", TensorDataType.U8, [32, 512]), ("scale", TensorDataType.F16, [512, 1]), ("zero", TensorDataType.F16, [512, 1])],
        ("shape", TensorDataType.I64, Words(128, 256)),
        ("nbits", TensorDataType.I64, Words(4)));

    [Fact]
    public void Compressed_tensors_write_their_shape_too() => Check(
        "compressed-tensors 4-bit", "I32",
        [("weight_packed", TensorDataType.I32, [128, 32]), ("weight_scale", TensorDataType.BF16, [128, 2])],
        ("weight_shape", TensorDataType.I64, Words(128, 256)));

    [Fact]
    public void Two_floats_of_4_bits_share_a_byte()
    {
        Check("NVFP4", "U8", [("weight", TensorDataType.U8, [128, 128]), ("weight_scale", TensorDataType.F8E4M3, [128, 16]), ("weight_scale_2", TensorDataType.F32, [])]);
        Check("NVFP4", "U8", [("weight_packed", TensorDataType.U8, [128, 128]), ("weight_scale", TensorDataType.F8E4M3, [128, 16]), ("weight_global_scale", TensorDataType.F32, [1])]);
        Check("MXFP4", "U8", [("weight", TensorDataType.U8, [128, 128]), ("weight_scale", TensorDataType.U8, [128, 8])]);
    }

    [Fact]
    public void FP8_has_the_shape_of_its_weight_and_scales_are_no_parameters() => Check(
        "FP8", "F8_E4M3", [("weight", TensorDataType.F8E4M3, [128, 256]), ("weight_scale_inv", TensorDataType.F32, [1, 2])]);

    [Fact]
    public void Experts_in_one_tensor_are_a_parameter_of_the_shape_that_the_class_has_and_say_how_they_are_stored()
    {
        Write("model.layers.0.mlp.experts", [("gate_up_proj_blocks", TensorDataType.U8, [4, 16, 2, 16]), ("gate_up_proj_scales", TensorDataType.U8, [4, 16, 2])]);
        LoraModuleInfo experts = Assert.Single(ModuleTree.Read(folder.Path).Modules);
        Assert.Equal(("model.layers.0.mlp.experts.gate_up_proj", LoraModuleKind.Expert, "MXFP4 4-bit"), (experts.Name, experts.Kind, experts.Quantization));
        Assert.Equal([4, 64, 16], experts.Shape); // [experts, in, out] of [experts, out, in / 32, 16]
        Assert.Equal(4 * 64 * 16, experts.ParameterCount);
    }

    [Fact]
    public void Plain_weights_have_no_quantisation()
    {
        Write(Module, [("weight", TensorDataType.BF16, [128, 256])]);
        Assert.Null(Assert.Single(ModuleTree.Read(folder.Path).Modules).Quantization);
    }

    [Fact]
    public void A_description_that_cannot_be_read_leaves_the_shape_open()
    {
        Write(Module, [("weight", TensorDataType.U8, [16384, 1]), ("weight.absmax", TensorDataType.U8, [512])], ("weight.quant_state.bitsandbytes__nf4", TensorDataType.U8, "{"u8.ToArray()));
        LoraModuleInfo module = Assert.Single(ModuleTree.Read(folder.Path).Modules);
        Assert.Equal((LoraModuleKind.Other, "bitsandbytes NF4", null), (module.Kind, module.Quantization, module.InFeatures));
    }

    [Fact]
    public void Targets_of_a_quantised_model_are_those_of_the_plain_one()
    {
        Write(Module, Gptq);
        ModuleTree tree = ModuleTree.Read(folder.Path);
        ResolvedTargets resolved = TargetResolver.Resolve(new LoraConfig { TargetPattern = "all-linear" }, tree.Modules, tree.Containers, tree.ModelType);
        Assert.Equal(Module, Assert.Single(resolved.Targets).Module.Name);
    }

    private void Check(string quantization, string dataType, (string Name, TensorDataType Type, long[] Shape)[] parts, params (string Name, TensorDataType Type, byte[] Bytes)[] values)
    {
        Write(Module, [.. parts, ("bias", TensorDataType.F16, [128])], values);
        LoraModuleInfo module = Assert.Single(ModuleTree.Read(folder.Path).Modules);

        Assert.Equal((quantization, LoraModuleKind.Linear, dataType), (module.Quantization, module.Kind, module.DataType));
        Assert.Equal([128L, 256L], module.Shape);
        Assert.Equal((256L, 128L, (128L * 256) + 128), (module.InFeatures, module.OutFeatures, module.ParameterCount));
    }

    private void Write(string module, (string Name, TensorDataType Type, long[] Shape)[] parts, params (string Name, TensorDataType Type, byte[] Bytes)[] values) => SafetensorsWriter.Write(
        folder.File("model.safetensors"),
        [
            .. parts.Select(part => new TensorData($"{module}.{part.Name}", part.Type, part.Shape, new byte[part.Type.ByteSize(part.Shape)!.Value])),
            .. values.Select(part => new TensorData($"{module}.{part.Name}", part.Type, [part.Bytes.Length * 8L / part.Type.BitSize()], part.Bytes)),
        ]);

    private static byte[] Words(params long[] numbers)
    {
        byte[] bytes = new byte[numbers.Length * sizeof(long)];
        foreach ((int index, long number) in numbers.Index())
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(index * sizeof(long)), number);
        }

        return bytes;
    }
}
