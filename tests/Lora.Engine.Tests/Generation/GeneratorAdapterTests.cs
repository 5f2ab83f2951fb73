using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Tests.Adapters;
using Lora.Tests.Kernels;
using Lora.Tests.Models;
using Lora.Tests.Training;
using static TorchSharp.torch;

namespace Lora.Tests.Generation;

public sealed class GeneratorAdapterTests : IDisposable
{
    private static readonly string Fixture = Repository.Fixture("families", "llama3");
    private static readonly GeneratorOptions OnCpu = new() { Device = "cpu" };
    private static readonly LoraPrompt[] Prompts = [LoraPrompt.Of("12")];
    private static readonly GenerationOptions Short = new() { MaxToken = 12 };

    private readonly TemporaryFolder folder = new();

    public GeneratorAdapterTests()
    {
        foreach (string file in new[] { Path.Combine(Fixture, "config.json"), Path.Combine(Fixture, "model.safetensors"), Repository.Fixture("tokenizers", "byte-level-digits", "tokenizer.json") })
        {
            File.Copy(file, folder.File(Path.GetFileName(file)));
        }
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Base_and_adapters_take_turns_on_one_loaded_model()
    {
        LoraAdapter trained = AdapterFolder.Load(Path.Combine(Fixture, "adapter"));
        LoraAdapter copy = AdapterFolder.Save(trained, folder.File("other"));
        using LoraGenerator generator = LoraGenerator.Load(folder.Path, [trained, copy], OnCpu);
        int[] bare = Ids(null);
        int[] adapted = Ids("adapter");

        Assert.Equal(["adapter", "other"], generator.Adapters);
        Assert.NotEqual(bare, adapted);
        Assert.Equal(adapted, Ids("OTHER"));
        Assert.Equal(bare, Ids(null));
        Assert.Equal(adapted, Ids("adapter"));
        Assert.Throws<ArgumentException>(() => Ids("none of these"));

        using LoraModel model = LoraModel.Load(folder.Path, trained, "cpu");
        Assert.Equal(model.Continue("12", 12), generator.Generate(Prompts, Short, "adapter")[0].Text);

        int[] Ids(string? adapter) => GeneratorAdapterTests.Ids(generator, adapter);
    }

    /// <summary>Of another family none of its modules is there; of another size of the family each has other shapes.</summary>
    [Theory]
    [InlineData("gpt2", "'transformer.h.0.attn.c_attn', ", " more: the model has no such module")]
    [InlineData("llama_tied_headdim", "lora_A.weight' ([4, ", " more: the shape is not the one that the model's module takes")]
    public void An_adapter_that_fits_nowhere_is_one_problem_which_names_a_few_modules_and_counts_the_others(string family, string named, string counted)
    {
        LoraAdapter foreign = AdapterFolder.Load(Path.Combine(GoldenFamily.FolderOf(family), "adapter"));

        LoraException exception = Assert.Throws<LoraException>(() => LoraGenerator.Load(folder.Path, [foreign], OnCpu).Dispose());

        LoraProblem problem = Assert.Single(exception.Problems);
        Assert.Equal(LoraError.AdapterWeightsInvalid, problem.Error);
        Assert.Contains(named, problem.Message, StringComparison.Ordinal);
        Assert.Contains(counted, problem.Message, StringComparison.Ordinal);
        Assert.Contains("the model that it was trained on", problem.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void By_what_each_goes_on_texts_is_told_and_why_not_by_vector_code()
    {
        VectorCode.SkipWhereThereIsNone();
        string model = Stories();
        RecordingObserver observer = new();
        using LoraGenerator generator = LoraGenerator.Load(model, [PeftAdapter.Of("base"), PeftAdapter.Of("dora"), PeftAdapter.Of("save")], OnCpu, observer);

        Assert.Contains("The model goes on texts by vector code", observer.Stages);
        Assert.Contains("The adapter 'adapter' goes on texts by vector code", observer.Stages);
        Assert.Contains("The adapter 'adapter-2' goes on texts by vector code", observer.Stages);
        Assert.Equal("The adapter 'adapter-3' goes on texts by the modules: 'model.layers.0.input_layernorm' is trained whole", observer.Stages.Single(text => text.Contains("adapter-3", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_base_is_itself_whatever_an_adapter_that_is_loaded_with_it_trains_whole()
    {
        string model = Stories();
        LoraAdapter save = PeftAdapter.Of("save");
        LoraAdapter changed = new() { Config = save.Config, Tensors = [.. save.Tensors.Select(tensor => tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal) ? Drawn(tensor) : tensor)] };
        using LoraGenerator alone = LoraGenerator.Load(model, options: OnCpu), beside = LoraGenerator.Load(model, [changed], OnCpu);
        int[] ids = Ids(alone, null);

        Assert.Equal(ids, Ids(beside, null));
        Assert.NotEqual(ids, Ids(beside, "adapter"));
        Assert.Equal(ids, Ids(beside, null));

        static TensorData Drawn(TensorData norm)
        {
            using Generator generator = new(5, CPU);
            return AdapterTensors.Copy(norm.Name, randn(norm.Shape.ToArray(), generator: generator));
        }
    }

    [Fact]
    public void An_adapter_that_is_given_twice_is_on_once()
    {
        string model = Stories();
        LoraAdapter trained = PeftAdapter.Of("base");
        using LoraGenerator generator = LoraGenerator.Load(model, [trained, trained], OnCpu), once = LoraGenerator.Load(model, [trained], OnCpu);

        Assert.Equal(Ids(once, "adapter"), Ids(generator, "adapter"));
        Assert.Equal(Ids(once, "adapter"), Ids(generator, "adapter-2"));
    }

    [Fact]
    public void Adapters_of_one_name_are_told_apart_by_a_number()
    {
        LoraAdapter trained = AdapterFolder.Load(Path.Combine(Fixture, "adapter"));
        using LoraGenerator generator = LoraGenerator.Load(folder.Path, [trained, trained.With(trained.Config)], OnCpu);
        Assert.Equal(["adapter", "adapter-2"], generator.Adapters);
    }

    [Fact]
    public void An_adapter_in_the_cache_is_called_as_its_hub_calls_it()
    {
        LoraAdapter trained = AdapterFolder.Load(Path.Combine(Fixture, "adapter"));
        string snapshot = folder.File($"hub/models--me--adapter/snapshots/{new string('0', 40)}");
        AdapterFolder.Save(trained, snapshot);
        using LoraGenerator generator = LoraGenerator.Load(folder.Path, [AdapterFolder.Load(snapshot)], OnCpu);
        Assert.Equal(["me/adapter"], generator.Adapters);
    }

    [Fact]
    public void All_problems_of_model_and_adapters_are_found_before_anything_is_loaded()
    {
        LoraAdapter trained = AdapterFolder.Load(Path.Combine(Fixture, "adapter"));
        LoraAdapter lacking = new() { Config = trained.Config, Tensors = [.. trained.Tensors.Skip(1)], Path = folder.File("lacking") };
        LoraAdapter labels = trained.With(trained.Config with { TaskType = "SEQ_CLS" });

        LoraException failure = Assert.Throws<LoraException>(() => LoraGenerator.Load(folder.Path, [lacking, labels], OnCpu));
        Assert.Contains(failure.Problems, problem => problem.Error == LoraError.AdapterWeightsInvalid);
        Assert.Contains(failure.Problems, problem => problem.Error == LoraError.GenerationUnsupported);
    }

    private static int[] Ids(LoraGenerator generator, string? adapter) => [.. generator.Generate(Prompts, Short, adapter)[0].Id];

    /// <summary>The model of PEFT's runs with a tokenizer that is here.</summary>
    private string Stories()
    {
        string model = Directory.CreateDirectory(folder.File("stories")).FullName;
        foreach (string file in Directory.GetFiles(PeftAdapter.Model).Where(file => !Path.GetFileName(file).StartsWith("tokenizer", StringComparison.Ordinal)).Append(folder.File("tokenizer.json")))
        {
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)), overwrite: true);
        }

        return model;
    }
}
