using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Tests.Adapters;

public sealed class AdapterFolderTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("lora-adapter-").FullName;

    [Fact]
    public void An_adapter_of_peft_is_read_whole()
    {
        LoraAdapter adapter = AdapterFolder.Load(Peft());

        Assert.Equal("rank 4, alpha 8, k_proj, gate_proj, o_proj, q_proj, v_proj, down_proj, up_proj, 6528 parameters", adapter.ToString());
        Assert.Equal(36, adapter.Tensors.Count);
        Assert.Equal("llama3", adapter.BaseModel);
    }

    [Fact]
    public void Weights_are_written_byte_for_byte_as_by_peft()
    {
        string target = Path.Combine(root, "new");

        LoraAdapter saved = AdapterFolder.Save(AdapterFolder.Load(Peft()), target);

        Assert.Equal(target, saved.Path);
        Assert.Equal(File.ReadAllBytes(Repository.Fixture("adapters", "llama3.adapter_model.safetensors")), File.ReadAllBytes(Path.Combine(target, "adapter_model.safetensors")));
        Assert.Equal(["README.md", "adapter_config.json", "adapter_model.safetensors"], Names(target));
        Assert.Equal([target], Directory.GetFileSystemEntries(root).Where(path => path.Contains("new", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_chat_template_comes_along_as_a_file_of_its_own()
    {
        string target = Path.Combine(root, "chat");
        LoraAdapter adapter = AdapterFolder.Load(Peft());
        Assert.Null(adapter.ChatTemplate);

        AdapterFolder.Save(new() { Config = adapter.Config, Tensors = adapter.Tensors, ChatTemplate = "{{ messages }}\n" }, target);

        Assert.Equal(["README.md", "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja"], Names(target));
        Assert.Equal("{{ messages }}\n", File.ReadAllText(Path.Combine(target, "chat_template.jinja")));
        Assert.Equal("{{ messages }}\n", AdapterFolder.Load(target).ChatTemplate);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("chat_template.jinja")]
    public void A_folder_of_a_model_or_of_a_chat_template_is_left_as_it_is(string name)
    {
        string target = Directory.CreateDirectory(Path.Combine(root, "model")).FullName;
        File.WriteAllText(Path.Combine(target, name), "theirs");
        LoraAdapter adapter = AdapterFolder.Load(Peft());

        LoraException failure = Assert.Throws<LoraException>(() => AdapterFolder.Save(adapter, target, overwrite: true));

        Assert.Equal(LoraError.OutputFailed, failure.Error);
        Assert.Contains($"it holds {name} and no adapter", failure.Message, StringComparison.Ordinal);
        Assert.Equal([name], Names(target));
        Assert.Equal("theirs", File.ReadAllText(Path.Combine(target, name)));
    }

    [Fact]
    public void Every_adapter_of_peft_is_written_byte_for_byte()
    {
        foreach (string folder in Directory.EnumerateDirectories(Repository.Shared("families")).Select(family => Path.Combine(family, "adapter")).Where(Directory.Exists))
        {
            string target = Path.Combine(root, Path.GetRandomFileName());

            AdapterFolder.Save(AdapterFolder.Load(folder), target);

            Assert.Equal(File.ReadAllBytes(Path.Combine(folder, "adapter_model.safetensors")), File.ReadAllBytes(Path.Combine(target, "adapter_model.safetensors")));
        }
    }

    [Fact]
    public void The_card_names_the_base_model_for_hubs_and_readers()
    {
        string target = Path.Combine(root, "card");

        AdapterFolder.Save(Adapter(new() { BaseModelNameOrPath = "HuggingFaceTB/SmolLM2-135M", TargetModule = ["q"] }), target);

        Assert.StartsWith(
            "---\nbase_model: HuggingFaceTB/SmolLM2-135M\nlibrary_name: peft\npipeline_tag: text-generation\ntags:\n"
            + "- base_model:adapter:HuggingFaceTB/SmolLM2-135M\n- lora\n- transformers\n---\n\n# LoRA adapter for HuggingFaceTB/SmolLM2-135M\n",
            File.ReadAllText(Path.Combine(target, "README.md")),
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_card_does_not_tell_where_the_model_lay()
    {
        string target = Path.Combine(root, "card");

        AdapterFolder.Save(Adapter(new() { Model = "/home/someone/models/tiny/", TargetModule = ["q"] }), target);

        string card = File.ReadAllText(Path.Combine(target, "README.md"));
        Assert.Contains("# LoRA adapter for tiny\n", card, StringComparison.Ordinal);
        Assert.DoesNotContain("someone", card, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_is_replaced_only_when_told_and_a_card_is_kept()
    {
        string folder = Peft();
        File.WriteAllText(Path.Combine(folder, "README.md"), "mine");
        LoraAdapter adapter = Adapter(new() { TargetModule = ["q"] });

        LoraException exception = Assert.Throws<LoraException>(() => AdapterFolder.Save(adapter, folder));
        AdapterFolder.Save(adapter, folder, overwrite: true);

        Assert.Equal(LoraError.OutputExists, exception.Error);
        Assert.Equal(["q"], AdapterFolder.Load(folder).Config.TargetModule!);
        Assert.Equal("mine", File.ReadAllText(Path.Combine(folder, "README.md")));
        Assert.Equal(["README.md", "adapter_config.json", "adapter_model.safetensors"], Names(folder));
    }

    [Fact]
    public void A_failure_leaves_everything_as_it_was()
    {
        string folder = Peft();

        // A folder stands where the weights are to go, so that the last rename fails after the others have succeeded.
        File.Delete(Path.Combine(folder, "adapter_model.safetensors"));
        Directory.CreateDirectory(Path.Combine(folder, "adapter_model.safetensors"));
        Dictionary<string, byte[]> before = Contents(folder);

        LoraException exception = Assert.Throws<LoraException>(() => AdapterFolder.Save(Adapter(new() { TargetModule = ["q"] }), folder, overwrite: true));

        Assert.Equal(LoraError.OutputFailed, exception.Error);
        Assert.Equal(before, Contents(folder));
        Assert.Equal(["adapter_config.json", "adapter_model.safetensors"], Names(folder));
    }

    [Fact]
    public void A_file_in_the_folders_place_is_a_failure()
    {
        string path = Path.Combine(root, "file");
        File.WriteAllText(path, "");

        Assert.Equal(LoraError.OutputFailed, Assert.Throws<LoraException>(() => AdapterFolder.Save(Adapter(new() { TargetModule = ["q"] }), path)).Error);
        Assert.Equal([path], Directory.GetFileSystemEntries(root));
    }

    [Theory]
    [InlineData("adapter_config.json", LoraError.PathNotFound)]
    [InlineData("adapter_model.safetensors", LoraError.PathNotFound)]
    public void A_missing_file_is_named(string name, LoraError error)
    {
        string folder = Peft();
        File.Delete(Path.Combine(folder, name));

        LoraException exception = Assert.Throws<LoraException>(() => AdapterFolder.Load(folder));

        Assert.Equal((error, true), (exception.Error, exception.Message.Contains(name, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_pickle_is_not_opened()
    {
        string folder = Peft();
        File.Move(Path.Combine(folder, "adapter_model.safetensors"), Path.Combine(folder, "adapter_model.bin"));

        Assert.Equal(LoraError.PickleRefused, Assert.Throws<LoraException>(() => AdapterFolder.Load(folder)).Error);
    }

    [Fact]
    public void Weights_that_do_not_fit_the_configuration_are_all_named()
    {
        string folder = Path.Combine(root, "unfit");
        LoraConfig config = new() { Rank = 2, TargetModule = ["q"] };
        AdapterFolder.Save(new() { Config = config, Tensors = [Tensor("base_model.model.q.lora_A.weight", 3, 1), Tensor("q.bias", 1)] }, folder);

        LoraException exception = Assert.Throws<LoraException>(() => AdapterFolder.Load(folder));

        Assert.Equal(3, exception.Problems.Count);
        Assert.All(exception.Problems, problem => Assert.Equal(LoraError.AdapterWeightsInvalid, problem.Error));
    }

    [Fact]
    public void Features_that_are_not_supported_are_all_named()
    {
        string folder = Peft();
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), """{"peft_type":"LORA","use_qalora":true,"arrow_config":{"top_k":3}}""");

        LoraException exception = Assert.Throws<LoraException>(() => AdapterFolder.Load(folder));

        Assert.Equal([LoraError.AdapterFeatureUnsupported, LoraError.AdapterFeatureUnsupported], exception.Problems.Select(problem => problem.Error));
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    private static LoraAdapter Adapter(LoraConfig config) => new()
    {
        Config = config,
        Tensors = [Tensor("base_model.model.q.lora_A.weight", 16, 3), Tensor("base_model.model.q.lora_B.weight", 2, 16)],
    };

    private static TensorData Tensor(string name, params long[] shape) =>
        new(name, TensorDataType.F32, shape, new byte[4 * shape.Aggregate(1L, (count, size) => count * size)]);

    private static string[] Names(string folder) =>
        [.. Directory.GetFileSystemEntries(folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    private static Dictionary<string, byte[]> Contents(string folder) => Directory.GetFiles(folder).ToDictionary(path => path, File.ReadAllBytes);

    /// <summary>A copy of the adapter that PEFT saved.</summary>
    private string Peft()
    {
        string folder = Directory.CreateDirectory(Path.Combine(root, "peft")).FullName;
        foreach (string name in new[] { "adapter_config.json", "adapter_model.safetensors" })
        {
            File.Copy(Repository.Fixture("adapters", "llama3." + name), Path.Combine(folder, name));
        }

        return folder;
    }
}
