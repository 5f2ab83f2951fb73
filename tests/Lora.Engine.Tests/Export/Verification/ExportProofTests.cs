using System.Runtime.InteropServices;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Tests.Training;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>What was written is held against the base with the adapter: what is right is proven, what is not does not take its place.</summary>
public sealed class ExportProofTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("llama3", 1e-5)]
    [InlineData("qwen2_bf16", 0.2)] // bfloat16 has eight bits
    public void A_merge_is_proven_and_its_figures_are_those_of_the_models_themselves(string family, double largest)
    {
        LoraModelExport export = ModelMerge.Write(Adapter(Model(family)), Model(family), files.File("merged"));

        LoraExportVerification found = export.Verification;
        Assert.Equal(LoraExportOutcome.Proven, found.Outcome);
        Assert.InRange(found.LargestDifference!.Value, 0, largest);
        Assert.InRange(found.Divergence!.Value, 0, largest);
        Assert.InRange(found.TopAgreement!.Value, 0.9, 1);
        Assert.Equal("ids drawn at random", found.Text); // these folders have no tokenizer
        Assert.Contains(found.ToString(), File.ReadAllText(files.File("merged/README.md")), StringComparison.Ordinal);
        Assert.Equal(Directory.GetFiles(files.File("merged")).Sum(file => new FileInfo(file).Length), export.Size);
    }

    [Fact]
    public void The_largest_difference_is_that_of_the_logits_of_both_models()
    {
        using DisposeScope scope = NewDisposeScope();
        string model = ExampleRun.Model;
        LoraAdapter adapter = Adapter(model);
        LoraModelExport export = ModelMerge.Write(adapter, model, files.File("merged"));
        using LoraModel adapted = LoraModel.Load(model, adapter);
        using LoraModel merged = LoraModel.Load(files.File("merged"));

        string text = "The harbour was quiet before sunrise.";
        Tensor apart = (adapted.Logits(adapted.Tokenizer.Encode(text)) - merged.Logits(merged.Tokenizer.Encode(text))).abs().max();

        Assert.Equal("a text", export.Verification.Text);
        Assert.InRange(export.Verification.LargestDifference!.Value, 0, 1e-4); // float32 throughout
        Assert.InRange(apart.ToDouble(), 0, 1e-4);
    }

    [Theory]
    [InlineData("llama3", "model.layers.1.mlp.down_proj.weight")]
    [InlineData("llama3", "lm_head.weight")]
    [InlineData("qwen2_bf16", "model.layers.0.self_attn.k_proj.weight")]
    public void A_tensor_that_was_written_wrongly_fails_and_what_was_there_stays(string family, string tensor)
    {
        Directory.CreateDirectory(files.File("merged"));
        files.Write("merged/config.json", "the old one");
        Spoil spoil = new(files.Path, tensor);

        LoraException exception = Assert.Throws<LoraException>(() =>
            ModelMerge.Write(Adapter(Model(family)), Model(family), files.File("merged"), new() { Overwrite = true }, spoil));

        Assert.True(spoil.IsDone);
        Assert.Equal(LoraError.ExportDiffers, exception.Error);
        Assert.Equal("the old one", File.ReadAllText(files.File("merged/config.json")));
        Assert.Equal([files.File("merged")], Directory.GetFileSystemEntries(files.Path));
    }

    [Fact]
    public void A_proof_that_is_not_wanted_is_left_out_and_the_card_says_so()
    {
        Spoil spoil = new(files.Path, "lm_head.weight");

        LoraModelExport export = ModelMerge.Write(Adapter(Model("llama3")), Model("llama3"), files.File("merged"), new() { SkipVerification = true }, spoil);

        Assert.False(spoil.IsDone);
        Assert.Equal(LoraExportOutcome.Skipped, export.Verification.Outcome);
        Assert.Contains("not verified, since it was not asked for", File.ReadAllText(files.File("merged/README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_is_not_computed_is_written_and_the_reason_is_said()
    {
        Directory.CreateDirectory(files.File("model"));
        files.Write("model/config.json", """{ "model_type": "of-tomorrow" }""");
        SafetensorsWriter.Write(files.File("model/model.safetensors"), [new("q.weight", TensorDataType.F32, [1, 1], new byte[4])]);
        LoraAdapter adapter = new()
        {
            Config = new() { Rank = 1, Alpha = 1 },
            Tensors = [One(PeftKey.Of("q", "lora_A.weight")), One(PeftKey.Of("q", "lora_B.weight"))],
        };

        LoraExportVerification found = ModelMerge.Write(adapter, files.File("model"), files.File("merged")).Verification;

        Assert.Equal(LoraExportOutcome.Unverified, found.Outcome);
        Assert.Contains("of-tomorrow", found.Reason!, StringComparison.Ordinal);
        Assert.Null(found.LargestDifference);
    }

    [Fact]
    public void Rows_of_a_dataset_are_what_the_proof_is_made_on()
    {
        string rows = files.Write("rows.jsonl", """
            {"text": "The fox sleeps in a den."}
            {"text": "The bear sleeps in a cave, and the whale in the sea."}
            """);

        LoraExportVerification found = ModelMerge.Write(
            Adapter(ExampleRun.Model), ExampleRun.Model, files.File("merged"), new() { Dataset = [rows] }).Verification;

        Assert.Equal(LoraExportOutcome.Proven, found.Outcome);
        Assert.Equal("the first 2 rows of rows.jsonl", found.Text);
    }

    [Fact]
    public void The_validation_rows_of_a_training_are_what_the_proof_of_its_adapter_is_made_on()
    {
        string validation = files.File("held-out.jsonl");
        File.WriteAllLines(validation, File.ReadLines(ExampleRun.DataFile("validation")).Take(2));
        using TrainingSession session = new();
        LoraAdapter adapter = session.Train(ExampleRun.Config, new(ExampleRun.DataFile("train"), validation), ExampleRun.Options with { MaxStep = 1 }).Adapter!;

        Assert.Equal("the first 2 rows of held-out.jsonl", Merged("one").Text);
        File.WriteAllText(validation, "{ no row");
        Assert.Equal("a text", Merged("two").Text);
        File.Delete(validation);
        Assert.Equal("a text", Merged("three").Text);

        LoraExportVerification Merged(string name) => ModelMerge.Write(adapter, ExampleRun.Model, files.File(name)).Verification;
    }

    [Theory]
    [InlineData("llama3", LoraTensorType.F32, LoraExportOutcome.Proven)]
    [InlineData("llama3", LoraTensorType.F16, LoraExportOutcome.Proven)]
    [InlineData("llama3", LoraTensorType.Q8_0, LoraExportOutcome.Measured)]
    public void A_model_without_an_adapter_is_held_against_its_own_folder(string family, LoraTensorType type, LoraExportOutcome outcome)
    {
        LoraExportVerification found = GgufModel.WriteWithTokens(null, Model(family), files.File("base.gguf"), type, GgufFamilyTests.NoVocabulary).Verification;
        Assert.Equal(outcome, found.Outcome);
        Assert.InRange(found.LargestDifference!.Value, 0, type == LoraTensorType.F32 ? 1e-5 : type == LoraTensorType.F16 ? 0.05 : 0.5);
    }

    [Fact]
    public void A_model_that_was_written_wrongly_without_an_adapter_fails_too()
    {
        // The last bytes of the file, which are some matrix's, when the proof begins.
        Once spoil = new(() =>
        {
            using FileStream stream = File.OpenWrite(Assert.Single(Directory.GetFiles(files.Path)));
            stream.Seek(-4096, SeekOrigin.End);
            stream.Write(MemoryMarshal.AsBytes(Enumerable.Repeat(1f, 1024).ToArray().AsSpan()));
        });
        Assert.Equal(LoraError.ExportDiffers, Assert.Throws<LoraException>(() =>
            GgufModel.WriteWithTokens(null, Model("llama3"), files.File("base.gguf"), LoraTensorType.F32, GgufFamilyTests.NoVocabulary, progress: spoil)).Error);
        Assert.Empty(Directory.GetFileSystemEntries(files.Path));
    }

    [Fact]
    public void A_comparison_has_the_divergence_of_two_coins()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor even = tensor(new[] { 0f, 0f }, [1, 2]);
        Tensor bent = tensor(new[] { MathF.Log(3), 0f }, [1, 2]); // 3/4 and 1/4

        LogitComparison found = LogitComparison.Of(even, bent);

        Assert.Equal(0.5 * Math.Log(0.5 / 0.75) + 0.5 * Math.Log(0.5 / 0.25), found.Divergence, 1e-6);
        Assert.Equal(Math.Log(3), found.LargestDifference, 1e-6);
        Assert.True(double.IsNaN(LogitComparison.Of(even, tensor(new[] { float.NaN, 0f }, [1, 2])).LargestDifference));
    }

    private static string Model(string family) => Repository.Fixture("families", family);

    private static TensorData One(string name) => new(name, TensorDataType.F32, [1, 1], BitConverter.GetBytes(1f));

    private static LoraAdapter Adapter(string model)
    {
        using DisposeScope scope = NewDisposeScope();
        return TrainedAdapter.On(model, new() { Rank = 2, Alpha = 4, TargetModule = ["q_proj", "down_proj"] }, tensor(new long[] { 1, 2, 3 }, [1, 3])).Adapter;
    }

    /// <summary>Does something when the proof begins.</summary>
    private sealed class Once(Action work) : IProgress<WorkProgress>
    {
        private Action? left = work;

        public void Report(WorkProgress value)
        {
            if (value.Stage == "Verifying")
            {
                left?.Invoke();
                left = null;
            }
        }
    }

    /// <summary>Changes the values of a tensor in the files that wait to take their place, when the proof begins.</summary>
    private sealed class Spoil(string folder, string tensor) : IProgress<WorkProgress>
    {
        public bool IsDone { get; private set; }

        public void Report(WorkProgress value)
        {
            if (IsDone || value.Stage != "Verifying")
            {
                return;
            }

            string file = Assert.Single(Directory.GetFiles(folder, "*.safetensors", SearchOption.AllDirectories));
            TensorInfo place = SafetensorsHeader.Read(file).Tensors.Single(found => found.Name == tensor);
            using FileStream stream = File.OpenWrite(file);
            stream.Seek(place.Offset, SeekOrigin.Begin);
            ushort[] values = [.. Enumerable.Range(0, 64).Select(index => (ushort)(index % 2 == 0 ? 0x3F80 : 0x3F00))]; // ones and halves, in bfloat16 or as halves of float32
            stream.Write(MemoryMarshal.AsBytes(values.AsSpan()));
            IsDone = true;
        }
    }
}
