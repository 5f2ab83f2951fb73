using System.Text.Json;
using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

/// <summary>Module lists against the reference classes: their state dictionaries, and what PEFT's <c>all-linear</c> finds in them.</summary>
public class ModuleTreeFamilyTests
{
    /// <summary>Linear heads that PEFT leaves out of <c>all-linear</c>.</summary>
    private static readonly string[] OutputHeads =
        ["lm_head", "embed_out", "cls.predictions.decoder", "lm_head.decoder", "vocab_projector"];

    [Theory]
    [InlineData("llama3")]
    [InlineData("llama_linear")]
    [InlineData("llama_tied_headdim")]
    [InlineData("mistral")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("phi3")]
    [InlineData("gemma")]
    [InlineData("gemma2")]
    public void Committed_families_are_as_the_reference_has_them(string family) => Compare(Repository.Fixture("families", family));

    [Theory]
    [InlineData("bert_mlm")]
    [InlineData("bert_seqcls")]
    [InlineData("distilbert_mlm")]
    [InlineData("gpt2")]
    [InlineData("gpt_neox")]
    [InlineData("opt")]
    [InlineData("qwen3_moe")]
    [InlineData("roberta_mlm")]
    [InlineData("t5")]
    [InlineData("vit")]
    public void Other_families_are_as_the_reference_has_them(string family) => Compare(Repository.Shared("families", family));

    [Theory]
    [InlineData("gemma", "lm_head", "model.embed_tokens")]
    [InlineData("gpt2", "lm_head", "transformer.wte")]
    [InlineData("opt", "lm_head", "model.decoder.embed_tokens")]
    [InlineData("t5", "lm_head", "shared")]
    [InlineData("bert_mlm", "cls.predictions.decoder", "bert.embeddings.word_embeddings")]
    [InlineData("roberta_mlm", "lm_head.decoder", "roberta.embeddings.word_embeddings")]
    [InlineData("distilbert_mlm", "vocab_projector", "distilbert.embeddings.word_embeddings")]
    [InlineData("gpt_neox", "embed_out", null)]
    [InlineData("phi3", "lm_head", null)]
    public void Heads_are_tied_as_the_family_has_it(string family, string head, string? tiedTo)
    {
        ModuleTree tree = ModuleTree.Read(Repository.Shared("families", family));
        LoraModuleInfo module = Assert.Single(tree.Modules, module => module.Name == head);
        Assert.Equal((tiedTo, LoraModuleKind.Linear), (module.TiedTo, module.Kind));
        Assert.Single(tree.Modules, other => other.TiedTo is not null || other.Name == head);
    }

    [Fact]
    public void Kinds_beyond_linears_are_told_by_name_and_shape()
    {
        Assert.Equal(LoraModuleKind.Conv2d, Kind("vit", "vit.embeddings.patch_embeddings.projection"));
        Assert.Equal(LoraModuleKind.Other, Kind("vit", "vit.embeddings"));
        Assert.Equal(LoraModuleKind.Embedding, Kind("t5", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias"));
        Assert.Equal(LoraModuleKind.Norm, Kind("t5", "decoder.block.1.layer.2.layer_norm"));
        Assert.Equal(LoraModuleKind.Embedding, Kind("gpt2", "transformer.wpe"));
        Assert.Equal(LoraModuleKind.Norm, Kind("gpt2", "transformer.ln_f"));
        Assert.Equal(LoraModuleKind.Embedding, Kind("bert_mlm", "bert.embeddings.token_type_embeddings"));
        Assert.Equal(LoraModuleKind.Norm, Kind("bert_mlm_gamma_beta", "bert.encoder.layer.1.output.LayerNorm"));
        Assert.Equal(LoraModuleKind.Norm, Kind("qwen3_moe", "model.layers.0.self_attn.q_norm"));
        Assert.Equal(LoraModuleKind.Linear, Kind("flux", "single_transformer_blocks.1.norm.linear"));
        Assert.Equal(LoraModuleKind.Linear, Kind("flux", "time_text_embed.timestep_embedder.linear_1"));
    }

    [Fact]
    public void The_adapted_modules_of_the_diffusion_transformer_are_linear()
    {
        string folder = Repository.Shared("families", "flux");
        ILookup<string, LoraModuleKind> kinds = ModuleTree.Read(folder).Modules.ToLookup(module => module.Name, module => module.Kind);
        foreach (string name in Strings(Run(folder).GetProperty("lora_modules")))
        {
            Assert.Equal([LoraModuleKind.Linear], kinds[name["base_model.model.".Length..]]);
        }
    }

    [Fact]
    public void Without_a_config_GPT2_is_told_by_its_biases()
    {
        string file = Path.Combine(Repository.Shared("families", "gpt2"), "model.safetensors");
        using TemporaryFolder folder = new();
        File.Copy(file, folder.File("model.safetensors"));
        Assert.Equal(12, ModuleTree.Read(folder.Path).Modules.Count(module => module.Kind == LoraModuleKind.Conv1D));
    }

    private static void Compare(string folder)
    {
        ModuleTree tree = ModuleTree.Read(folder);
        JsonElement run = Run(folder);
        JsonElement state = run.GetProperty("state_dict");

        string[] expectedOwners = [.. state.EnumerateObject().Select(entry => Owner(entry.Name)).Distinct().Order(StringComparer.Ordinal)];
        IEnumerable<LoraModuleInfo> owners = tree.Modules.Where(module => module.ParameterCount > 0);
        Assert.Equal(expectedOwners, owners.Select(module => module.Name).Order(StringComparer.Ordinal));

        foreach (LoraModuleInfo module in owners)
        {
            long[][] shapes = [.. state.EnumerateObject().Where(entry => Owner(entry.Name) == module.Name).Select(entry => Shape(entry.Value))];
            Assert.Equal(shapes.Sum(shape => shape.Aggregate(1L, (product, size) => product * size)), module.ParameterCount);
            if (state.TryGetProperty(module.Name + ".weight", out JsonElement weight))
            {
                Assert.Equal(Shape(weight), module.Shape);
            }
        }

        JsonElement allLinear = run.GetProperty("peft_all_linear");
        string[] heads = allLinear.GetProperty("task_type").GetString() == "SEQ_CLS" ? [.. OutputHeads, "classifier", "score"] : OutputHeads;
        IEnumerable<string> linears = tree.Modules
            .Where(module => module.Kind is LoraModuleKind.Linear or LoraModuleKind.Conv1D && !heads.Contains(module.Name))
            .Select(module => module.Name);
        Assert.Equal(Strings(allLinear.GetProperty("modules")).Order(StringComparer.Ordinal), linears.Order(StringComparer.Ordinal));

        LoraModuleKind expectedKind = tree.ModelType == "gpt2" ? LoraModuleKind.Conv1D : LoraModuleKind.Linear;
        Assert.All(tree.Modules.Where(module => linears.Contains(module.Name)), module => Assert.Equal(expectedKind, module.Kind));
    }

    private static LoraModuleKind Kind(string family, string name) =>
        Assert.Single(ModuleTree.Read(Repository.Shared("families", family)).Modules, module => module.Name == name).Kind;

    private static JsonElement Run(string folder) => JsonElement.Parse(File.ReadAllBytes(Path.Combine(folder, "run.json")));

    private static string Owner(string tensor) => tensor[..Math.Max(0, tensor.LastIndexOf('.'))];

    private static long[] Shape(JsonElement shape) => [.. shape.EnumerateArray().Select(size => size.GetInt64())];

    private static IEnumerable<string> Strings(JsonElement array) => array.EnumerateArray().Select(entry => entry.GetString()!);
}
