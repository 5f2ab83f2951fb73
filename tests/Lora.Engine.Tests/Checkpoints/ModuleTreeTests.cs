using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class ModuleTreeTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Modules_come_in_the_models_order()
    {
        ModuleTree tree = ModuleTree.Read(Repository.Fixture("families", "qwen3"));
        string[] names = [.. tree.Modules.Select(module => module.Name)];
        string[] layer =
        [
            "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "self_attn.q_norm", "self_attn.k_norm",
            "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj", "input_layernorm", "post_attention_layernorm",
        ];
        IEnumerable<string> layers = Enumerable.Range(0, 3).SelectMany(index => layer.Select(name => $"model.layers.{index}.{name}"));

        Assert.Equal(["model.embed_tokens", .. layers, "model.norm", "lm_head"], names);
        Assert.Equal("qwen3", tree.ModelType);
    }

    [Fact]
    public void A_module_says_where_it_comes_from()
    {
        string model = Repository.Fixture("families", "qwen2_bf16");
        LoraModuleInfo module = Find(ModuleTree.Read(model), "model.layers.1.self_attn.q_proj");

        Assert.Equal((LoraModuleKind.Linear, "BF16", 1, "q_proj", 32L), (module.Kind, module.DataType, module.Layer, module.Role, module.InFeatures));
        Assert.Equal(module.Shape[0] * (module.Shape[1] + 1), module.ParameterCount);
        Assert.Equal((model, "model.safetensors", null), (module.Model, module.File, module.TiedTo));
    }

    [Fact]
    public void Containers_are_the_parents_of_modules() => Assert.Equal(
        ["model", "model.layers", "model.layers.0", "model.layers.0.self_attn", "model.layers.0.mlp"],
        ModuleTree.Read(Repository.Fixture("families", "llama3")).Containers.Take(5));

    [Fact]
    public void A_tied_head_is_listed_without_parameters()
    {
        LoraModuleInfo head = ModuleTree.Read(Repository.Fixture("families", "llama_tied_headdim")).Modules[^1];
        Assert.Equal(("lm_head", "model.embed_tokens", LoraModuleKind.Linear, 0L), (head.Name, head.TiedTo, head.Kind, head.ParameterCount));
        Assert.Equal((32L, 101L), (head.InFeatures, head.OutFeatures));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"model_type":7,"architectures":{},"tie_word_embeddings":"yes"}""")]
    public void Listing_needs_no_config(string? config)
    {
        File.Copy(Repository.Fixture("families", "llama_tied_headdim", "model.safetensors"), folder.File("model.safetensors"));
        if (config is not null)
        {
            folder.Write("config.json", config);
        }

        ModuleTree tree = ModuleTree.Read(folder.Path);
        Assert.Null(tree.ModelType);
        Assert.Equal("model.norm", tree.Modules[^1].Name);
    }

    [Fact]
    public void Blocks_are_in_the_order_of_their_numbers()
    {
        folder.Write("model.safetensors", SafetensorsBytes.OfVectors("layers.10.fc.weight", "layers.9.fc.weight", "layers.1.fc.weight", "0.weight", "visual.merger.mlp.2.weight"));
        ModuleTree tree = ModuleTree.Read(folder.Path);
        Assert.Equal(["0", "layers.1.fc", "layers.9.fc", "layers.10.fc", "visual.merger.mlp.2"], tree.Modules.Select(module => module.Name));
        Assert.Equal([null, 1, 9, 10, null], tree.Modules.Select(module => module.Layer)); // the members of a Sequential are no blocks
    }

    [Theory]
    [InlineData("model.visual.merger.mlp.0", LoraModulePart.Connector, null)]
    [InlineData("visual.blocks.3.attn.qkv", LoraModulePart.Vision, 3)]
    [InlineData("model.multi_modal_projector.linear_1", LoraModulePart.Connector, null)]
    [InlineData("model.vision_tower.vision_model.encoder.layers.2.mlp.fc1", LoraModulePart.Vision, 2)]
    [InlineData("model.connector.modality_projection.proj", LoraModulePart.Connector, null)]
    [InlineData("audio_tower.layers.1.fc1", LoraModulePart.Audio, 1)]
    [InlineData("model.language_model.layers.7.mlp.experts.4.up_proj", LoraModulePart.Text, 7)]
    [InlineData("transformer.net.0.proj", LoraModulePart.Text, null)]
    [InlineData("transformer_blocks.5.ff.net.0.proj", LoraModulePart.Text, 5)]
    [InlineData("model.visual.deepstack_merger_list.1.linear_fc1", LoraModulePart.Connector, null)]
    public void Each_module_of_a_model_that_sees_has_its_part_and_the_number_of_its_block_alone(string name, LoraModulePart part, int? layer)
    {
        SparseCheckpoint.Write(folder.Path, [("model.embed_tokens.weight", [4, 2]), (name + ".weight", [2, 2])], shardCount: 1, "{}");
        LoraModuleInfo module = ModuleTree.Read(folder.Path).Modules.Single(module => module.Name == name);

        Assert.Equal((part, layer), (module.Part, module.Layer));
    }

    [Fact]
    public void A_model_without_a_table_of_tokens_has_no_text_in_it()
    {
        folder.Write("model.safetensors", SafetensorsBytes.OfVectors("transformer_blocks.0.ff.net.0.proj.weight", "x_embedder.weight"));
        Assert.All(ModuleTree.Read(folder.Path).Modules, module => Assert.Null(module.Part));
    }

    [Fact]
    public void A_name_that_begins_with_a_dot_is_listed_too()
    {
        folder.Write("model.safetensors", SafetensorsBytes.OfVectors(".q.weight", ".weight", "q.weight"));
        Assert.Equal(["", "q", "q"], ModuleTree.Read(folder.Path).Modules.Select(module => module.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Buffers_are_no_parameters_and_loose_parameters_belong_to_their_module()
    {
        folder.Write("model.safetensors", SafetensorsBytes.OfVectors(
            "h.0.attn.bias", "h.0.attn.masked_bias", "rotary_emb.inv_freq", "embeddings.position_ids", "embeddings.cls_token", "norm.gamma", "norm.beta", "fc.bias"));
        IEnumerable<string> found = ModuleTree.Read(folder.Path).Modules.Select(module => $"{module.Name} {module.Kind} {module.ParameterCount}");
        Assert.Equal(["embeddings Other 2", "fc Other 2", "norm Norm 4"], found);
    }

    [Fact]
    public void A_file_of_the_base_model_gets_the_names_of_the_class_with_the_head()
    {
        folder.Write("model.safetensors", SafetensorsBytes.OfVectors("h.0.ln_1.weight", "ln_f.weight", "score.weight"));
        folder.Write("config.json", """{"model_type":"gpt2","architectures":["GPT2ForSequenceClassification"]}""");
        Assert.Equal(["transformer.h.0.ln_1", "transformer.ln_f", "score"], ModuleTree.Read(folder.Path).Modules.Select(module => module.Name));

        folder.Write("config.json", """{"model_type":"gpt2","architectures":["GPT2Model"]}""");
        Assert.Equal(["h.0.ln_1", "ln_f", "score"], ModuleTree.Read(folder.Path).Modules.Select(module => module.Name));
    }

    [Fact]
    public void A_model_that_was_saved_out_of_a_compiled_one_has_its_own_names()
    {
        folder.Write("model.safetensors", SafetensorsBytes.OfVectors("_orig_mod.model.norm.weight", "_orig_mod.lm_head.weight"));
        folder.Write("config.json", """{"model_type":"llama","architectures":["LlamaForCausalLM"]}""");
        Assert.Equal(["model.norm", "lm_head"], ModuleTree.Read(folder.Path).Modules.Select(module => module.Name));
    }

    [Theory]
    [InlineData("model.layers.2.mlp.up_proj", LoraModuleKind.Other)]
    [InlineData("model.layers.1.mlp.up_proj", LoraModuleKind.Linear)]
    [InlineData("mtp.fc", LoraModuleKind.Other)]
    [InlineData("model.mtp_layers.0.mlp.up_proj", LoraModuleKind.Other)]
    public void Blocks_that_predict_further_tokens_are_no_targets_since_nothing_loads_them(string name, LoraModuleKind expected)
    {
        SparseCheckpoint.Write(folder.Path, [(name + ".weight", [4L, 2L])], shardCount: 1, """{"model_type":"deepseek_v3","num_hidden_layers":2,"num_nextn_predict_layers":1}""");
        Assert.Equal(expected, ModuleTree.Read(folder.Path).Modules.Single().Kind);
    }

    [Fact]
    public void Attention_of_several_steps_is_in_their_order()
    {
        string[] names = ["q_a_proj", "q_a_layernorm", "q_b_proj", "kv_a_proj_with_mqa", "kv_a_layernorm", "kv_b_proj", "o_proj"];
        folder.Write("model.safetensors", SafetensorsBytes.OfVectors([.. names.Order(StringComparer.Ordinal).Select(name => name + ".weight")]));
        Assert.Equal(names, ModuleTree.Read(folder.Path).Modules.Select(module => module.Name));

        string[] meta = ["wq", "wk", "wv", "wo"];
        folder.Write("model.safetensors", SafetensorsBytes.OfVectors([.. meta.Order(StringComparer.Ordinal).Select(name => name + ".weight")]));
        Assert.Equal(meta, ModuleTree.Read(folder.Path).Modules.Select(module => module.Name));
    }

    [Fact]
    public void A_checkpoint_of_405_billion_parameters_is_listed_from_its_headers()
    {
        SparseCheckpoint.WriteLlama405B(folder.Path);
        ModuleTree tree = ModuleTree.Read(folder.Path);

        Assert.Equal(1 + (126 * 9) + 2, tree.Modules.Count);
        Assert.Equal(405_853_388_800, tree.Modules.Sum(module => module.ParameterCount));
        Assert.Equal(126 * 7, tree.Modules.Count(module => module.Layer is not null && module.Kind == LoraModuleKind.Linear));
        LoraModuleInfo down = Find(tree, "model.layers.125.mlp.down_proj");
        Assert.Equal((53248L, 16384L, 125, "BF16"), (down.InFeatures, down.OutFeatures, down.Layer, down.DataType));
    }

    private static LoraModuleInfo Find(ModuleTree tree, string name) => Assert.Single(tree.Modules, module => module.Name == name);
}
