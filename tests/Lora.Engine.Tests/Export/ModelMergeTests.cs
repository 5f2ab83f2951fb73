using System.Runtime.InteropServices;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Tests.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>What is written, what is kept byte for byte, and that a failure leaves nothing.</summary>
public sealed class ModelMergeTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    public static TheoryData<string, string> KindsAndVariants { get; } = MergeTests.KindsAndVariants();

    [Theory]
    [MemberData(nameof(KindsAndVariants))]
    public void Modules_of_every_kind_get_the_weights_of_a_merge_in_memory(string module, string variant)
    {
        using DisposeScope scope = NewDisposeScope();
        using OwnModel model = new();
        string source = files.Write("own.safetensors", "");
        SafetensorsWriter.Write(source, [.. model.named_parameters().Select(entry => AdapterTensors.Copy(entry.name, entry.parameter))]);
        using AttachedLora attached = LoraModules.Attach(model, MergeTests.Variant(variant) with { TargetModule = [module] }, seed: 3);
        MergeTests.Disturb(attached);

        ModelMerge.Write(attached.ToAdapter(), source, files.File("merged"));

        attached.Merge();
        Dictionary<string, TensorData> merged = SafetensorsFile.ReadAll(files.File("merged/own.safetensors")).ToDictionary(tensor => tensor.Name);
        Assert.All(model.named_parameters(), entry =>
            Assert.InRange(Closeness.Relative(AdapterTensors.Read(merged[entry.name]), entry.parameter), 0, 1e-6));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_weight_of_several_pieces_gets_the_values_of_a_merge_in_memory_row_by_row(bool useDora)
    {
        using DisposeScope scope = NewDisposeScope();
        using torch.nn.Module<Tensor, Tensor> model = nn.Sequential(("wide", nn.Linear(300, 1000))); // 300,000 values
        string source = files.Write("wide.safetensors", "");
        SafetensorsWriter.Write(source, [.. model.named_parameters().Select(entry => AdapterTensors.Copy(entry.name, entry.parameter))]);
        using AttachedLora attached = LoraModules.Attach(model, new LoraConfig() { TargetModule = ["wide"], Rank = 4, UseDora = useDora }, seed: 3);
        MergeTests.Disturb(attached);

        ModelMerge.Write(attached.ToAdapter(), source, files.File("merged"));

        attached.Merge();
        TensorData merged = SafetensorsFile.ReadAll(files.File("merged/wide.safetensors")).Single(tensor => tensor.Name == "wide.weight");
        Tensor apart = AdapterTensors.Read(merged) - model.get_parameter("wide.weight")!; // [1000, 300]
        Assert.InRange(apart.abs().max().ToDouble(), 0, 1e-6);
    }

    [Fact]
    public void A_square_Conv1D_in_a_file_of_the_base_model_is_found_by_its_whole_name_and_changed_by_the_transpose()
    {
        float[] merged = MergedVector(
            """{ "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"] }""",
            "h.0.attn.c_proj.weight",
            TensorDataType.F32,
            new float[9],
            "transformer.h.0.attn.c_proj",
            [1, 2, 3],
            [10, 20, 30]);

        Assert.Equal([10, 20, 30, 20, 40, 60, 30, 60, 90], merged);
    }

    [Fact]
    public void A_float64_weight_keeps_its_digits() => Assert.Equal(
        [3 + 1e-12], MergedVector("{}", "q.weight", TensorDataType.F64, new[] { 1 + 1e-12 }, "q", [1], [2]));

    [Fact]
    public void A_float16_weight_that_would_overflow_is_refused()
    {
        LoraException exception = Assert.Throws<LoraException>(() =>
            MergedVector("{}", "q.weight", TensorDataType.F16, new[] { (Half)60000 }, "q", [1], [10000]));

        Assert.Equal(LoraError.MergeRefused, exception.Error);
        Assert.Equal("q", exception.Problem.Target);
    }

    [Theory]
    [InlineData("{{ own }}", "{{ own }}", "{\"chat_template\":\"{{ own }}\"}")]
    [InlineData("{{ other }}", "{{ other }}", "{\n  \"chat_template\": \"{{ other }}\"\n}\n")]
    [InlineData(null, "{{ own }}", "{\"chat_template\":\"{{ own }}\"}")]
    public void The_chat_template_is_the_adapters_where_it_was_trained_with_another(string? carried, string template, string configuration)
    {
        string model = Copy("qwen2_sharded");
        File.WriteAllText(Path.Combine(model, "tokenizer_config.json"), """{"chat_template":"{{ own }}"}""");
        File.WriteAllText(Path.Combine(model, "chat_template.jinja"), "{{ own }}");
        LoraAdapter adapter = Adapter(model, "q_proj");

        ModelMerge.Write(new() { Config = adapter.Config, Tensors = adapter.Tensors, ChatTemplate = carried }, model, files.File("merged"));

        Assert.Equal(template, ChatTemplate.Load(files.File("merged")).Text);
        Assert.Equal(configuration, File.ReadAllText(Path.Combine(files.File("merged"), "tokenizer_config.json")));
    }

    [Fact]
    public void A_model_without_a_chat_template_gets_the_adapters()
    {
        string model = Copy("qwen2_sharded");
        LoraAdapter adapter = Adapter(model, "q_proj");

        ModelMerge.Write(new() { Config = adapter.Config, Tensors = adapter.Tensors, ChatTemplate = "{{ other }}" }, model, files.File("merged"));

        Assert.Equal("{{ other }}", File.ReadAllText(Path.Combine(files.File("merged"), "chat_template.jinja")));
    }

    [Fact]
    public void Shards_index_and_other_files_stay_and_foreign_weights_are_left_behind()
    {
        string model = Copy("qwen2_sharded");
        string[] extra = ["tokenizer.json", "generation_config.json", "LICENSE", "pytorch_model.bin", "consolidated.gguf", "adapter_config.json"];
        Array.ForEach(extra, name => File.WriteAllText(Path.Combine(model, name), name));

        ModelMerge.Write(Adapter(model, "q_proj"), model, files.File("merged"));

        string[] expected = [.. Directory.GetFiles(model).Select(Path.GetFileName)!];
        Assert.Equal(
            expected.Except(["pytorch_model.bin", "consolidated.gguf", "adapter_config.json", "data.safetensors"]).Append("README.md").Order(StringComparer.Ordinal),
            Directory.GetFiles(files.File("merged")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        Assert.All(Directory.GetFiles(files.File("merged")).Where(path => !path.EndsWith(".safetensors", StringComparison.Ordinal) && Path.GetFileName(path) != "README.md"), path =>
            Assert.Equal(File.ReadAllBytes(Path.Combine(model, Path.GetFileName(path))), File.ReadAllBytes(path)));
        Assert.All(Directory.GetFiles(files.File("merged"), "*.safetensors"), path =>
            Assert.Equal(new FileInfo(Path.Combine(model, Path.GetFileName(path))).Length, new FileInfo(path).Length));
        using Checkpoint merged = Checkpoint.Open(files.File("merged"));
        using Checkpoint source = Checkpoint.Open(model);
        Assert.Equal(source.Tensors.Select(Place), merged.Tensors.Select(Place));

        static (string, string, long) Place(TensorInfo tensor) => (tensor.Name, Path.GetFileName(tensor.File), tensor.Offset);
    }

    [Fact]
    public void Values_that_are_not_finite_are_refused_by_module_and_nothing_is_left()
    {
        string model = Copy("qwen2");
        LoraAdapter adapter = Adapter(model, "q_proj");
        byte[] broken = adapter.Tensors[0].Bytes.ToArray();
        BitConverter.TryWriteBytes(broken.AsSpan(8), float.NaN);

        LoraException exception = Assert.Throws<LoraException>(() => ModelMerge.Write(
            new() { Config = adapter.Config, Tensors = [adapter.Tensors[0] with { Bytes = broken }, .. adapter.Tensors.Skip(1)] }, model, files.File("merged")));

        Assert.Equal(LoraError.MergeRefused, exception.Error);
        Assert.Equal("model.layers.0.self_attn.q_proj", Assert.Single(exception.Problems).Target);
        Assert.Equal([model], Directory.GetFileSystemEntries(files.Path));
    }

    [Fact]
    public void A_sum_that_is_not_finite_is_refused_by_module_and_nothing_is_left()
    {
        string model = Copy("qwen2");
        LoraAdapter adapter = Adapter(model, "q_proj");
        TensorData[] tensors = [.. adapter.Tensors.Select(tensor => tensor with { Bytes = Filled(tensor.Bytes.Length, 1e10f) })];
        LoraAdapter huge = new() { Config = adapter.Config with { Alpha = 3e38 }, Tensors = tensors }; // each number is finite, and their product is not

        LoraException exception = Assert.Throws<LoraException>(() => ModelMerge.Write(huge, model, files.File("merged")));

        Assert.Equal(LoraError.MergeRefused, exception.Error);
        Assert.StartsWith("model.layers.", (string)exception.Problem.Target!, StringComparison.Ordinal);
        Assert.Equal([model], Directory.GetFileSystemEntries(files.Path));
    }

    [Fact]
    public void A_cancelled_merge_leaves_nothing()
    {
        string model = Copy("qwen2");
        using CancellationTokenSource cancellation = new();
        CancelAtFirst progress = new(cancellation);

        Assert.Throws<OperationCanceledException>(() =>
            ModelMerge.Write(Adapter(model, "q_proj"), model, files.File("merged"), progress: progress, cancellation: cancellation.Token));

        Assert.Equal([model], Directory.GetFileSystemEntries(files.Path));
    }

    [Fact]
    public void A_model_that_is_there_is_replaced_on_demand_with_all_of_its_weights()
    {
        string model = Copy("qwen2_sharded");
        string target = Copy("qwen3");
        LoraAdapter adapter = Adapter(model, "q_proj");
        File.WriteAllText(Path.Combine(target, "notes.txt"), "kept");

        Assert.Equal(LoraError.OutputExists, Assert.Throws<LoraException>(() => ModelMerge.Write(adapter, model, target)).Error);
        ModelMerge.Write(adapter, model, target, options: new() { Overwrite = true });

        using Checkpoint merged = Checkpoint.Open(target);
        Assert.NotNull(merged.Index);
        Assert.False(File.Exists(Path.Combine(target, "model.safetensors")));
        Assert.Equal("kept", File.ReadAllText(Path.Combine(target, "notes.txt")));
        Assert.Equal(2, Directory.GetFileSystemEntries(files.Path).Length);
    }

    [Theory]
    [InlineData("tokenizer.json", LoraError.OutputExists)]
    [InlineData("config.json", LoraError.OutputExists)]
    [InlineData("README.md", null)]
    [InlineData("notes.txt", null)]
    public void Files_that_are_not_a_model_s_are_not_replaced_unasked(string name, LoraError? expected)
    {
        string model = Copy("qwen2");
        Array.ForEach(["tokenizer.json", "README.md"], file => File.WriteAllText(Path.Combine(model, file), "the model's"));
        Directory.CreateDirectory(files.File("mine"));
        string mine = files.Write("mine/" + name, "mine");

        LoraException? refused = Record.Exception(() => ModelMerge.Write(Adapter(model, "q_proj"), model, files.File("mine"))) as LoraException;

        Assert.Equal(expected, refused?.Error);
        Assert.Equal("mine", File.ReadAllText(mine));
        Assert.Equal(refused is null, File.Exists(files.File("mine/model.safetensors")));
    }

    [Fact]
    public void Its_own_base_is_not_overwritten_through_a_link()
    {
        string model = Copy("qwen2");
        Directory.CreateDirectory(files.File("elsewhere"));
        Directory.CreateSymbolicLink(files.File("link"), model);
        Directory.CreateSymbolicLink(files.File("elsewhere/up"), files.Path);
        byte[] before = File.ReadAllBytes(Path.Combine(model, "model.safetensors"));

        Assert.All(new[] { (model, files.File("link")), (files.File("link"), model), (model, files.File("elsewhere/up/qwen2")) }, ways => Assert.Equal(
            LoraError.MergeRefused,
            Assert.Throws<LoraException>(() => ModelMerge.Write(Adapter(ways.Item1, "q_proj"), ways.Item1, ways.Item2, new() { Overwrite = true })).Error));
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(model, "model.safetensors")));
    }

    [Fact]
    public void A_link_that_leads_out_of_the_model_s_folder_or_to_nothing_is_left_out_with_a_warning()
    {
        string model = Copy("qwen2");
        File.CreateSymbolicLink(Path.Combine(model, "notes.txt"), files.Write("secret", "of another place"));
        File.CreateSymbolicLink(Path.Combine(model, "gone.txt"), "nowhere");
        File.CreateSymbolicLink(Path.Combine(model, "circle.txt"), "circle.txt");
        File.CreateSymbolicLink(Path.Combine(model, "inside.json"), "config.json");
        List<string> warnings = [];

        ModelMerge.Write(Adapter(model, "q_proj"), model, files.File("merged"), new() { Warn = warnings.Add });

        Assert.Equal(["circle.txt", "gone.txt", "notes.txt"], warnings.Select(warning => Path.GetFileName(warning.Split('\'')[1])));
        Assert.All(new[] { "circle.txt", "gone.txt", "notes.txt" }, name => Assert.False(File.Exists(files.File("merged/" + name))));
        Assert.Equal(File.ReadAllText(files.File("merged/config.json")), File.ReadAllText(files.File("merged/inside.json")));
    }

    [Fact]
    public void Links_inside_the_hub_s_cache_are_followed()
    {
        string model = Copy("qwen2");
        string blobs = Directory.CreateDirectory(files.File("models--a--b/blobs")).FullName;
        string snapshot = Directory.CreateDirectory(files.File("models--a--b/snapshots/1")).FullName;
        foreach (string file in Directory.GetFiles(model))
        {
            string blob = Path.Combine(blobs, "hash-of-" + Path.GetFileName(file));
            File.Move(file, blob);
            File.CreateSymbolicLink(Path.Combine(snapshot, Path.GetFileName(file)), Path.GetRelativePath(snapshot, blob));
        }

        ModelMerge.Write(Adapter(snapshot, "q_proj"), snapshot, files.File("merged"));

        Assert.Equal(File.ReadAllBytes(Path.Combine(snapshot, "config.json")), File.ReadAllBytes(files.File("merged/config.json")));
        Assert.Null(new FileInfo(files.File("merged/config.json")).LinkTarget);
    }

    /// <summary>A copy of a family's folder; data.safetensors and what else belongs to the reference run is no part of the model.</summary>
    private string Copy(string family)
    {
        string target = Directory.CreateDirectory(files.File(family)).FullName;
        foreach (string path in Directory.GetFiles(Repository.Fixture("families", family)))
        {
            File.Copy(path, Path.Combine(target, Path.GetFileName(path)));
        }

        return target;
    }

    /// <summary>The values of a square weight after a merge of rank 1 and scaling 1.</summary>
    private T[] MergedVector<T>(string config, string tensor, TensorDataType type, T[] values, string module, float[] down, float[] up)
        where T : struct
    {
        Directory.CreateDirectory(files.File("model"));
        files.Write("model/config.json", config);
        SafetensorsWriter.Write(files.File("model/model.safetensors"), [Data(tensor, type, [down.Length, up.Length], values)]);
        LoraAdapter adapter = new()
        {
            Config = new() { Rank = 1, Alpha = 1 },
            Tensors =
            [
                Data(PeftKey.Of(module, "lora_A.weight"), TensorDataType.F32, [1, down.Length], down),
                Data(PeftKey.Of(module, "lora_B.weight"), TensorDataType.F32, [up.Length, 1], up),
            ],
        };

        ModelMerge.Write(adapter, files.File("model"), files.File("merged"));

        return MemoryMarshal.Cast<byte, T>(SafetensorsFile.ReadAll(files.File("merged/model.safetensors")).Single().Bytes.Span).ToArray();
    }

    private static TensorData Data<T>(string name, TensorDataType type, long[] shape, T[] values)
        where T : struct => new(name, type, shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    private static LoraAdapter Adapter(string model, string target)
    {
        using DisposeScope scope = NewDisposeScope();
        return TrainedAdapter.On(model, new() { Rank = 2, Alpha = 4, TargetModule = [target] }, tensor(new long[] { 1, 2, 3 }, [1, 3])).Adapter;
    }

    private static byte[] Filled(int length, float value)
    {
        byte[] bytes = new byte[length];
        MemoryMarshal.Cast<byte, float>(bytes.AsSpan()).Fill(value);
        return bytes;
    }

    private sealed class CancelAtFirst(CancellationTokenSource cancellation) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => cancellation.Cancel();
    }
}
