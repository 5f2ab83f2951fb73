using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Models;
using Lora.Tests.Adapters;
using Lora.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>Merged models as GGUF files: what they prove of themselves, and what llama.cpp makes of them.</summary>
public sealed class GgufModelTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [MemberData(nameof(Runs))]
    public void Merged_runs_of_PEFT_give_its_logits_and_our_greedy_text(string run)
    {
        LoraAdapter adapter = PeftAdapter.Of(run);
        string merged = files.File("merged.gguf");
        LoraModelExport export = GgufModel.WriteWithTokens(adapter, PeftAdapter.Model, merged, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);
        Assert.Equal(LoraExportOutcome.Proven, export.Outcome);

        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        (Tensor ids, Tensor logits) = PeftAdapter.End(run);
        using LlamaClient client = LlamaClient.Open(merged);
        for (int row = 0; row < ids.shape[0]; row++)
        {
            Tensor given = stack([.. client.Logits(Ids(ids[row])).Select(values => tensor(values))]); // [tokens, vocabulary]
            Assert.InRange(Closeness.Largest(given, logits[row]), 0, 1e-4);
            Assert.Equal(logits[row].argmax(-1).data<long>().ToArray(), given.argmax(-1).data<long>().ToArray());
        }

        using CausalLanguageModel loaded = ModelLoader.Load(PeftAdapter.Model, CPU, ScalarType.Float32);
        using AttachedLora attached = LoraModules.Load(loaded, FittedAdapter.Of(adapter, PeftAdapter.Model, resizes: false).Adapter);
        int[] prompt = [.. Ids(ids[0]).Take(8)];
        Assert.Equal(GreedyDecoder.Continue(loaded, prompt, 24, [], null, CancellationToken.None), client.Continue(prompt, 24));
    }

    /// <summary>All kinds that go into weights: DoRA, biases, norms and patterns among them.</summary>
    public static TheoryData<string> Runs { get; } = ["base", "dora", "layers", "orth", "ranks", "rslora", "save"];

    [Theory]
    [InlineData(LoraTensorType.F16, LoraExportOutcome.Proven, 0.05)]
    [InlineData(LoraTensorType.BF16, LoraExportOutcome.Proven, 0.4)]
    [InlineData(LoraTensorType.Q8_0, LoraExportOutcome.Measured, 0.5)]
    [InlineData(LoraTensorType.Q4_0, LoraExportOutcome.Measured, 8)]
    public void What_is_rounded_off_is_measured_as_llama_cpp_computes_it(LoraTensorType type, LoraExportOutcome outcome, double tolerance)
    {
        LoraAdapter adapter = PeftAdapter.Of("base");
        string merged = files.File("merged.gguf");
        LoraModelExport export = GgufModel.WriteWithTokens(adapter, PeftAdapter.Model, merged, type, GgufFamilyTests.NoVocabulary);

        Assert.Equal(outcome, export.Outcome);
        Assert.InRange(export.LargestDifference!.Value, 1e-5, tolerance);
        Assert.Equal(new FileInfo(merged).Length, export.Size);
        using DisposeScope scope = NewDisposeScope();
        (Tensor ids, Tensor logits) = PeftAdapter.End("base");
        using LlamaClient client = LlamaClient.Open(merged);
        Tensor given = stack([.. client.Logits(Ids(ids[0])).Select(values => tensor(values))]);
        Assert.InRange(Closeness.Largest(given, logits[0]), 1e-5, tolerance);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Every_family_proves_itself(string family, LoraTensorType type, LoraExportOutcome outcome)
    {
        string folder = GoldenFamily.FolderOf(family);
        LoraAdapter adapter = AdapterFolder.Load(Path.Combine(folder, "adapter"));
        LoraModelExport export = GgufModel.WriteWithTokens(adapter, folder, files.File("merged.gguf"), type, GgufFamilyTests.NoVocabulary, new() { Warn = _ => { } });
        Assert.Equal(outcome, export.Outcome);
    }

    /// <summary>Gemma 2's reference run has a factor of scores that goes into q, and rounding of q is another then.</summary>
    public static TheoryData<string, LoraTensorType, LoraExportOutcome> Families()
    {
        TheoryData<string, LoraTensorType, LoraExportOutcome> data = [];
        foreach (string family in GgufFamilyTests.Families.Select(row => row.Data.Item1))
        {
            data.Add(family, LoraTensorType.F16, family == "gemma2" ? LoraExportOutcome.Measured : LoraExportOutcome.Proven);
        }

        return data;
    }

    [Fact]
    public void A_file_that_is_not_the_base_with_the_adapter_does_not_take_its_place()
    {
        string path = files.Write("merged.gguf", "as it was");
        LoraAdapter adapter = PeftAdapter.Of("base");
        LoraException exception = Assert.Throws<LoraException>(() => GgufModel.WriteWithTokens(
            adapter, PeftAdapter.Model, path, LoraTensorType.F32, GgufFamilyTests.NoVocabulary, new() { Overwrite = true }, new Damage(files.Path)));
        Assert.Equal(LoraError.ExportDiffers, exception.Error);
        Assert.Equal("as it was", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(files.Path));
    }

    [Fact]
    public void A_text_goes_on_alike_with_the_tokenizer_that_the_file_has()
    {
        const string Prompt = "The fox sleeps in";
        string model = Path.Combine(Repository.Root, "examples", "model"), merged = files.File("merged.gguf");
        LoraConfig config = new() { Rank = 4, Alpha = 8, TargetModule = ["q_proj", "up_proj"] };
        (LoraAdapter adapter, Tensor logits) = TrainedAdapter.On(model, config, tensor(new long[,] { { 1, 2, 3 } }));
        logits.Dispose();
        GgufModel.Write(adapter, model, merged, LoraTensorType.F32);

        using LoraModel ours = LoraModel.Load(model, adapter, "cpu");
        using LlamaClient client = LlamaClient.Open(merged);
        int[] prompt = client.Tokenize(Prompt, adds: true, parses: true);
        Assert.Equal([.. ours.Tokenizer.Encode(Prompt)], prompt);
        string text = ours.Continue(Prompt, 24);
        Assert.StartsWith(text, ours.Tokenizer.Decode(client.Continue(prompt, 24)), StringComparison.Ordinal); // ours ends where the text does
        Assert.NotEmpty(text);
    }

    [Fact]
    public void An_untied_head_is_a_tensor_of_its_own()
    {
        string path = files.File("merged.gguf");
        LoraModelExport export = GgufModel.WriteWithTokens(PeftAdapter.Of("embed"), PeftAdapter.Model, path, LoraTensorType.F32, GgufFamilyTests.NoVocabulary, new() { Untie = true });

        Assert.Equal(LoraExportOutcome.Proven, export.Outcome);
        Assert.Contains(GgufHeader.Read(path).Tensors, tensor => tensor.Name == "output.weight");
        Assert.Equal(LoraError.MergeRefused, Assert.Throws<LoraException>(
            () => GgufModel.WriteWithTokens(PeftAdapter.Of("embed"), PeftAdapter.Model, files.File("x.gguf"), LoraTensorType.F32, GgufFamilyTests.NoVocabulary)).Error);
    }

    private static int[] Ids(Tensor row) => [.. row.to(ScalarType.Int64).data<long>().Select(id => (int)id)];

    /// <summary>Changes values of the file that was written, before it is read back.</summary>
    private sealed class Damage(string folder) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value)
        {
            if (value.Stage == "Verifying" && value.Done == 0)
            {
                using FileStream stream = new(Assert.Single(Directory.GetFiles(folder, "*.tmp")), FileMode.Open, FileAccess.Write);
                stream.Seek(-4096, SeekOrigin.End);
                stream.Write([.. Enumerable.Range(0, 1024).SelectMany(_ => BitConverter.GetBytes(3f))]);
            }
        }
    }
}
