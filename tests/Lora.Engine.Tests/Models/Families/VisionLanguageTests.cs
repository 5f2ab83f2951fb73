using Lora.Checkpoints;
using Lora.Export;
using Lora.Models;
using Lora.Tests.Export;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>The language model inside of a model that sees: the weights of a reference run under the names that such files have, and its numbers.</summary>
public sealed class VisionLanguageTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public VisionLanguageTests() => Directory.CreateDirectory(files.File("model"));

    public void Dispose() => files.Dispose();

    public static TheoryData<string> Forms { get; } = ["llava", "llava, whole", "gemma3", "qwen2_5_vl, flat", "qwen2_5_vl, nested", "qwen2_vl, new names", "smolvlm"];

    [Theory]
    [MemberData(nameof(Forms))]
    public void It_gives_the_numbers_of_the_language_model_alone(string form)
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenFamily golden = SeeingModel.Write(files.File("model"), form);
        using IDisposable noGradient = no_grad();
        using CausalLanguageModel model = ModelLoader.Load(files.File("model"), CPU, ScalarType.Float32);

        Assert.InRange(Closeness.Largest(model.call(golden.Data["input_ids"]), golden.Data["logits"]), 0, golden.Tolerance.Logits);
        Assert.Equal(form.Split(',')[0], model.Shape.ModelType);
        Assert.Null(UnusedTensors.Warning(files.File("model"), model.Shape));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Its_modules_are_called_as_transformers_calls_them_and_so_are_an_adapter_s(string form)
    {
        using DisposeScope scope = NewDisposeScope();
        SeeingModel.Write(files.File("model"), form);
        ModuleTree tree = ModuleTree.Read(files.File("model"));
        string body = form.StartsWith("smolvlm", StringComparison.Ordinal) ? "model.text_model" : "model.language_model";
        LoraModuleInfo[] text = [.. tree.Modules.Where(module => module.Part == LoraModulePart.Text)];
        using CausalLanguageModel model = ModelLoader.Load(files.File("model"), CPU, ScalarType.Float32);
        HashSet<string> modules = [.. model.named_modules().Select(entry => entry.name)];

        Assert.Contains($"{body}.layers.2.self_attn.q_proj", text.Select(module => module.Name));
        Assert.Contains("lm_head", text.Select(module => module.Name)); // the tied one too, which no file holds
        Assert.All(text, module => Assert.Contains(module.Name, modules));
        Assert.Equal(
            [LoraModulePart.Connector, LoraModulePart.Vision], tree.Modules.Select(module => module.Part).OfType<LoraModulePart>().Where(part => part != LoraModulePart.Text).Distinct().Order().Reverse());
        Assert.All(tree.Modules.Where(module => module.Part != LoraModulePart.Text), module => Assert.StartsWith("model.", module.Name, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_merged_one_keeps_the_names_of_the_file_and_what_sees(string form)
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenFamily golden = SeeingModel.Write(files.File("model"), form);
        Tensor ids = golden.Data["input_ids"];
        (LoraAdapter adapter, Tensor adapted) = TrainedAdapter.On(files.File("model"), new() { Rank = 4, Alpha = 8, TargetModule = ["language_model.layers.1.self_attn.q_proj", "text_model.layers.1.self_attn.q_proj", "down_proj"] }, ids, allowUnmatched: true);

        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(adapter, files.File("model"), files.File("merged")).Verification.Outcome);

        Assert.Contains(adapter.Tensors, tensor => tensor.Name.StartsWith("base_model.model.model.", StringComparison.Ordinal) && tensor.Name.Contains("_model.layers.1.self_attn.q_proj", StringComparison.Ordinal));
        Assert.InRange(Closeness.Relative(TrainedAdapter.Logits(files.File("merged"), ids), adapted), 0, 1e-5);
        Assert.Equal(Names("model"), Names("merged"));

        string[] Names(string folder)
        {
            using Checkpoint checkpoint = Checkpoint.Open(files.File(folder));
            return [.. checkpoint.Tensors.Select(tensor => tensor.Name)];
        }
    }

    [Fact]
    public void What_text_config_leaves_out_is_what_its_class_has()
    {
        files.Write("config.json", """{"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"], "text_config": {"model_type": "gemma3_text", "hidden_size": 64, "num_hidden_layers": 6, "sliding_window": 16}}""");
        ModelShape shape = ModelConfigReader.Read(files.Path);
        FourNormShape block = Assert.IsType<FourNormShape>(shape.Blocks[5]);

        Assert.Equal((262208, 8, 4, 256, true), (shape.VocabularySize, block.Attention.Heads, block.Attention.KeyValueHeads, block.Attention.HeadDimension, shape.Head.IsTied));
        Assert.Equal("model.language_model.layers.", shape.BlockPrefix);
    }

    [Fact]
    public void A_classifier_on_one_is_refused_by_name()
    {
        SeeingModel.Write(files.File("model"), "llava");
        LoraException exception = Assert.Throws<LoraException>(() => TaskReader.Read(files.File("model"), "SEQ_CLS"));

        Assert.Equal(LoraError.ConfigUnsupported, exception.Error);
        Assert.Contains("models of type 'llava' have no classifier", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_language_model_that_is_not_computed_is_refused_by_name()
    {
        files.Write("config.json", """{"model_type": "llava", "text_config": {"model_type": "gemma4_text"}}""");
        LoraException exception = Assert.Throws<LoraException>(() => ModelConfigReader.Read(files.Path));

        Assert.Equal(LoraError.ConfigUnsupported, exception.Error);
        Assert.Contains("text_config.model_type is 'gemma4_text'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("nearest by name: gemma3_text", exception.Message, StringComparison.Ordinal);
    }
}
