using Lora.Adapters;
using Lora.Checkpoints;
using static Lora.Tests.Adapters.CombinedAdapter;

namespace Lora.Tests.Adapters;

public class AdapterFileTests
{
    [Fact]
    public void Forms_are_told_from_their_names_and_nothing_else_is_an_adapter()
    {
        using TemporaryFolder folder = new();
        string gguf = folder.File("a.gguf"), model = folder.File("m.gguf");
        GgufWriter.Write(gguf, [new("general.type", GgufValue.Of("adapter")), new("general.architecture", GgufValue.Of("mamba")), new("adapter.type", GgufValue.Of("lora"))], [], (_, _) => { });
        GgufWriter.Write(model, [new("general.type", GgufValue.Of("model")), new("general.architecture", GgufValue.Of("llama"))], [], (_, _) => { });
        string other = folder.Write("b.gguf", "GGM");
        SafetensorsWriter.Write(folder.File("kohya.safetensors"), Pair("lora_unet_x", "lora_down", "lora_up"));
        SafetensorsWriter.Write(folder.File("diffusers.safetensors"), Pair("transformer.x", "lora_A", "lora_B"));

        Assert.Equal(LoraAdapterFormat.Kohya, AdapterFile.FormatOf(folder.File("kohya.safetensors")));
        Assert.Equal(LoraAdapterFormat.Diffusers, AdapterFile.FormatOf(folder.File("diffusers.safetensors")));
        Assert.Equal(LoraAdapterFormat.Gguf, AdapterFile.FormatOf(gguf));
        Assert.Null(AdapterFile.FormatOf(other));
        Assert.Null(AdapterFile.FormatOf(Path.Combine(Repository.Root, "examples", "model", "model.safetensors")));
        Assert.Null(AdapterFile.FormatOf(model));
        Assert.Equal("llama.cpp's architecture 'mamba'", Assert.Single(AdapterFile.Describe(gguf).Unsupported));
        Assert.Equal(LoraError.AdapterFeatureUnsupported, Assert.Throws<LoraException>(() => AdapterFile.Load(gguf)).Error);
    }

    [Fact]
    public void Ranks_and_alphas_that_differ_are_patterns_and_a_file_without_alpha_has_the_scaling_one()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("lora.safetensors");
        SafetensorsWriter.Write(file, [
            .. Pair("lora_unet_transformer_blocks_0_attn_to_q", "lora_down", "lora_up", alpha: 1),
            .. Pair("lora_unet_transformer_blocks_1_attn_to_q", "lora_down", "lora_up", alpha: 1),
            .. Pair("lora_unet_transformer_blocks_2_attn_to_q", "lora_down", "lora_up", rank: 3)]);

        LoraAdapter adapter = AdapterFile.Load(file);

        Assert.Equal((2, 1.0), (adapter.Config.Rank, adapter.Config.Alpha));
        Assert.Equal([0.5, 0.5, 1], FactorPair.Of(adapter).Values.Select(pair => pair.Scaling));
        Assert.Empty(AdapterWeightRules.Check(adapter.Config, adapter.Tensors, "file"));
    }

    [Fact]
    public void Half_a_pair_shapes_that_do_not_fit_and_an_alpha_that_cannot_be_are_said_together()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("lora.safetensors");
        SafetensorsWriter.Write(file, [
            .. Pair("lora_unet_a", "lora_down", "lora_up").Take(1),
            Pair("lora_unet_b", "lora_down", "lora_up")[0], Pair("lora_unet_b", "lora_down", "lora_up", rank: 3)[1],
            .. Pair("lora_unet_c", "lora_down", "lora_up", alpha: -1)]);

        LoraException exception = Assert.Throws<LoraException>(() => AdapterFile.Load(file));

        Assert.All(exception.Problems, problem => Assert.Equal(LoraError.AdapterWeightsInvalid, problem.Error));
        Assert.All(["no 'lora_up.weight' beside it", "no rank in common", "alpha is -1"], text => Assert.Contains(text, exception.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_part_that_is_left_out_of_a_joined_module_changes_nothing_there()
    {
        LoraAdapter adapter = AdapterFile.Load(Repository.Shared("golden2", "names", "flux_kohya_sparse_to_diffusers", "input.safetensors"));
        LoraAdapter cut = AdapterEditor.Edit(adapter, new() { Exclude = ["to_q", "proj_mlp"] }).Adapter!;
        using TemporaryFolder folder = new();

        KohyaForm.Save(cut, folder.File("cut.safetensors"));
        LoraAdapterInfo read = AdapterInspector.Describe(AdapterFile.Load(folder.File("cut.safetensors")), withNorms: true);

        Assert.All(read.Module, module => Assert.Equal(module.Name.EndsWith("to_q", StringComparison.Ordinal) || module.Name.EndsWith("proj_mlp", StringComparison.Ordinal), module.Norm == 0));
        Assert.Equal(1, AdapterComparer.Compare(cut, AdapterFile.Load(folder.File("cut.safetensors"))).Cosine!.Value, 1e-12);
    }

    [Fact]
    public void What_is_no_diffusion_model_s_has_no_form_of_Kohya_s()
    {
        LoraException exception = Assert.Throws<LoraException>(() => KohyaForm.Of(Random(1, 2, 8, module: "model.layers.0.self_attn.q_proj")));

        Assert.Equal(LoraError.FormatRefused, exception.Error);
        Assert.Contains("'model.layers.0.self_attn.q_proj'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_there_is_kept_unless_it_is_to_be_overwritten()
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("a.safetensors", "kept");
        LoraAdapter adapter = Random(1, 2, 8, module: "transformer_blocks.0.attn.to_out.0");

        Assert.Equal(LoraError.OutputExists, Assert.Throws<LoraException>(() => KohyaForm.Save(adapter, file)).Error);
        Assert.Equal("kept", File.ReadAllText(file));
        KohyaForm.Save(adapter, file, overwrite: true);
        Assert.Equal(LoraAdapterFormat.Kohya, AdapterFile.FormatOf(file));
    }

    private static TensorData[] Pair(string name, string down, string up, int rank = 2, float? alpha = null) =>
    [
        new($"{name}.{down}.weight", TensorDataType.F32, [rank, 4], new byte[rank * 16]),
        new($"{name}.{up}.weight", TensorDataType.F32, [4, rank], new byte[rank * 16]),
        .. alpha is float value ? new TensorData[] { new(name + ".alpha", TensorDataType.F32, [], BitConverter.GetBytes(value)) } : [],
    ];
}
