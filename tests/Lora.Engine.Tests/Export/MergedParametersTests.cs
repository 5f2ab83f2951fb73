using System.Text.Json;
using Lora.Adapters;
using Lora.Export;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>Adapters of parameters as they are in a file: described, cut and added to the weights, against the changes that PEFT computed.</summary>
public sealed class MergedParametersTests : IDisposable
{
    private readonly TemporaryFolder files = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        files.Dispose();
    }

    [Theory]
    [InlineData("gptoss_both", "gpt_oss")]
    [InlineData("gptoss_down_only", "gpt_oss")]
    [InlineData("llama4_both", "llama4_text")]
    [InlineData("qwen3moe_both", "qwen3_moe")]
    [InlineData("qwen3moe_modules_patterns", "qwen3_moe")]
    [InlineData("qwen3moe_per_layer", "qwen3_moe")]
    [InlineData("qwen3moe_rslora", "qwen3_moe")]
    [InlineData("param_2d", "qwen3_moe")]
    public void The_merged_file_has_the_base_and_the_change_of_PEFT(string name, string type)
    {
        (string model, string golden, JsonElement run) = Case(name, type);

        ModelMerge.Write(AdapterFolder.Load(golden), model, files.File("merged"));

        GoldenTensors data = new(Path.Combine(golden, "data.safetensors"));
        GoldenTensors before = new(Path.Combine(model, "model.safetensors"));
        GoldenTensors after = new(files.File("merged/model.safetensors"));
        double tolerance = run.GetProperty("suggested_tolerance").GetProperty("delta_rel_to_tensor_max").GetDouble();
        string[] changed = [.. data.Names.Where(key => key.StartsWith("delta/", StringComparison.Ordinal)).Select(key => key["delta/".Length..])];
        foreach (string tensor in changed)
        {
            Tensor delta = data["delta/" + tensor];
            double largest = Math.Max(delta.abs().max().ToDouble(), before[tensor].abs().max().ToDouble());
            Assert.True(Closeness.Largest(after[tensor], before[tensor].Plus(delta)) <= tolerance * largest, tensor);
        }

        HashSet<string> targets = [.. run.GetProperty("targets").EnumerateObject().Select(target => target.Name)];
        Assert.Empty(changed.Except(targets));
        Assert.All(before.Names.Where(tensor => !targets.Contains(tensor)), tensor => Assert.Equal(0, Closeness.Largest(after[tensor], before[tensor])));
    }

    [Fact]
    public void A_description_has_each_parameter_with_its_rank_its_experts_and_the_norm_of_its_change()
    {
        (_, string golden, JsonElement run) = Case("qwen3moe_modules_patterns", "qwen3_moe");
        GoldenTensors data = new(Path.Combine(golden, "data.safetensors"));

        LoraAdapterInfo info = AdapterInspector.Read(golden, withNorms: true);

        Assert.Empty(info.Unsupported);
        Assert.Equal(8, info.ModuleCount);
        foreach (LoraAdapterModule module in info.Module)
        {
            JsonElement target = run.GetProperty("targets").TryGetProperty(module.Name, out JsonElement parameter) ? parameter : run.GetProperty("targets").GetProperty(module.Name + ".weight");
            Assert.Equal((target.GetProperty("r").GetInt32(), module.Name.Contains("experts", StringComparison.Ordinal) ? 4L : null), (module.Rank, module.ExpertCount));
            Assert.Equal(target.GetProperty("scaling").GetDouble(), module.Scaling, 1e-12);
            Tensor delta = data["delta/" + (module.ExpertCount is null ? module.Name + ".weight" : module.Name)];
            Assert.Equal(delta.norm().ToDouble(), module.Norm!.Value, 1e-5 * module.Norm.Value);
            Assert.InRange(module.EffectiveRank!.Value, 0.5, module.Rank + 1e-9);
        }

        Assert.Equal(["expert.down_proj", "expert.gate_up_proj", "o_proj", "q_proj"], info.Module.Select(module => module.Role).Distinct().Order());
    }

    [Fact]
    public void Of_two_parameters_one_is_left_out_and_the_other_goes_by_the_name_that_PEFT_gives_it_alone()
    {
        (string model, string golden, _) = Case("qwen3moe_both", "qwen3_moe");
        LoraAdapter adapter = AdapterFolder.Load(golden);

        LoraAdapterEdit edit = AdapterEditor.Edit(adapter, new() { Exclude = ["**.down_proj"], Scale = 2 });
        ModelMerge.Write(edit.Adapter!, model, files.File("merged"));

        Assert.Equal(["model.layers.0.mlp.experts.gate_up_proj", "model.layers.1.mlp.experts.gate_up_proj"], edit.Adapter!.Config.TargetParameter!);
        Assert.Equal([], edit.Adapter.Config.TargetModule!);
        Assert.All(edit.Adapter.Tensors, tensor => Assert.DoesNotContain("base_layer", tensor.Name, StringComparison.Ordinal));
        GoldenTensors data = new(Path.Combine(golden, "data.safetensors"));
        GoldenTensors before = new(Path.Combine(model, "model.safetensors"));
        GoldenTensors after = new(files.File("merged/model.safetensors"));
        const string Up = "model.layers.1.mlp.experts.gate_up_proj";
        const string Down = "model.layers.1.mlp.experts.down_proj";
        Assert.InRange(Closeness.Largest(after[Up], before[Up].Plus(data["delta/" + Up].Times(2))), 0, 2e-5);
        Assert.Equal(0, Closeness.Largest(after[Down], before[Down]));
    }

    [Fact]
    public void What_PEFT_does_not_do_with_stacks_is_refused_and_the_rest_is_done()
    {
        (string model, string golden, _) = Case("qwen3moe_both", "qwen3_moe");
        LoraAdapter adapter = AdapterFolder.Load(golden);

        Assert.Equal(LoraError.CombinationRefused, Assert.Throws<LoraException>(() => AdapterCombination.Combine([adapter, adapter], new())).Error);
        Assert.Equal(LoraError.EditRefused, Assert.Throws<LoraException>(() => AdapterEditor.Edit(adapter, new() { Rank = 1 })).Error);
        Assert.Equal(LoraError.PortableRefused, Assert.Throws<LoraException>(() => PortableAdapter.Of(adapter, model)).Error);
        Assert.Equal(1, AdapterComparer.Compare(adapter, adapter).Cosine!.Value, 1e-9);
    }

    [Fact]
    public void An_adapter_of_PEFT_0_18_whose_A_and_B_stand_for_the_other_sides_is_refused_with_both_shapes_as_PEFT_refuses_it_since()
    {
        (string model, string golden, JsonElement run) = Case("peft018_qwen3moe_both", "qwen3_moe");
        LoraAdapter adapter = AdapterFolder.Load(golden);
        using Adapters.MixtureModel mixture = new(run.GetProperty("tree"), new(Path.Combine(golden, "model.safetensors")));

        LoraException merge = Assert.Throws<LoraException>(() => ModelMerge.Write(adapter, model, files.File("merged")));
        LoraException load = Assert.Throws<LoraException>(() => LoraModules.Load(mixture, adapter));

        Assert.All([merge, load], failure => Assert.Equal(LoraError.AdapterWeightsInvalid, failure.Error));
        Assert.Contains("[4, 8, 10]", merge.Message, StringComparison.Ordinal);
        Assert.Contains("expected is [8, 8]", load.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(files.File("merged")));
    }

    [Fact]
    public void A_rank_that_does_not_divide_the_rows_and_parameters_that_are_not_told_are_refused()
    {
        (_, string golden, _) = Case("qwen3moe_both", "qwen3_moe");
        LoraAdapter adapter = AdapterFolder.Load(golden);

        Assert.Contains("no multiple of 3", Assert.Single(AdapterWeightRules.Check(adapter.Config with { Rank = 3 }, adapter.Tensors, "x"), problem => problem.Message.Contains("multiple", StringComparison.Ordinal)).Message, StringComparison.Ordinal);
        Assert.Contains(
            AdapterWeightRules.Check(adapter.Config with { TargetParameter = ["mlp.experts.down_proj"] }, adapter.Tensors, "x"),
            problem => problem.Message.Contains("target_parameters does not tell", StringComparison.Ordinal));
    }

    /// <summary>A model's folder of the case's base, of the type whose class it stands for; and the folder of the reference run.</summary>
    private (string Model, string Golden, JsonElement Run) Case(string name, string type)
    {
        string golden = Repository.Shared("golden2", "target_parameters", name);
        string model = Directory.CreateDirectory(files.File("model")).FullName;
        File.Copy(Path.Combine(golden, "model.safetensors"), Path.Combine(model, "model.safetensors"));
        File.WriteAllText(Path.Combine(model, "config.json"), $$"""{"model_type":"{{type}}"}""");
        return (model, golden, JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(Path.Combine(golden, "run.json"))));
    }
}
