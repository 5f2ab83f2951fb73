using System.Text.Json;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Tests.Training;
using Lora.Text;
using Lora.Training;

namespace Lora.Tests;

/// <summary>Every writer on a disk without room: an error with a name, what was there before is unchanged, and nothing half is left.</summary>
public sealed class FullDiskTests
{
    private static readonly TensorData Large = new("x", TensorDataType.U8, [1_000_000], new byte[1_000_000]);

    [Fact]
    public void A_file_of_tensors() => Holds(disk => SafetensorsWriter.Write(disk.File("old"), [Large]));

    [Fact]
    public void A_GGUF_file() => Holds(disk => GgufWriter.Write(disk.File("old"), [], [new("x", GgufTensorType.F32, [250_000])], (_, stream) => stream.Write(Large.Bytes.Span)));

    [Fact]
    public void An_adapter_over_another() => Holds(disk => AdapterFolder.Save(new() { Tensors = [Large] }, disk.File(""), overwrite: true));

    [Fact]
    public void An_adapter_in_a_new_folder() => Holds(disk => AdapterFolder.Save(new() { Tensors = [Large] }, disk.File("a/b")));

    [Fact]
    public void The_state_of_a_run() => Holds(disk => TrainingStateFile.Write(
        disk.File("a/b"), new(1, 1, default, null, Large, Large with { Name = "y" }, Large with { Name = "z" }, Large with { Name = "g" }, new(), new Dictionary<string, string>())));

    [Fact]
    public void A_tokenizer()
    {
        string[] tokens = [.. Enumerable.Range(0, 50_000).Select(id => $"token-{id}")];
        Holds(disk => TokenizerWriter.Write(disk.File("a/b"), new() { VocabularySize = tokens.Length }, tokens, []));
    }

    [Fact]
    public void A_merged_model()
    {
        LoraAdapter adapter = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { MaxStep = 1 }).Adapter!;
        Holds(disk => ModelMerge.Write(adapter, ExampleRun.Model, disk.File("merged")));
    }

    [Fact]
    public void A_model_and_an_adapter_as_GGUF_and_a_folder_for_Ollama()
    {
        LoraAdapter adapter = ExampleRun.Train(ExampleRun.Config with { Rank = 32 }, ExampleRun.Options with { MaxStep = 1 }).Adapter!;
        Holds(disk => GgufModel.Write(adapter, ExampleRun.Model, disk.File("old"), LoraTensorType.F16, new() { Overwrite = true }));
        Holds(disk => GgufAdapter.Save(adapter, ExampleRun.Model, disk.File("old"), LoraTensorType.F32, overwrite: true));
        Holds(disk => OllamaModel.Write(adapter, ExampleRun.Model, disk.File("ollama"), LoraTensorType.F16));
    }

    [Fact]
    public void A_whole_run_keeps_its_adapter()
    {
        using SmallDisk disk = SmallDisk.OrSkip(64);
        RecordingObserver observer = new();

        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config with { Rank = 32 }, ExampleRun.Options with { OutputPath = disk.File("run"), SaveStep = 1 }, observer);

        Assert.Equal((LoraStopReason.Completed, 4, null), (result.StopReason, result.History.Length, result.AdapterPath));
        Assert.NotEmpty(result.Adapter!.Tensors);
        Assert.InRange(observer.Failures.Count, 2, 3); // the state once, and the adapter
        Assert.All(observer.Failures, failure => Assert.Equal(LoraError.OutputFailed, failure.Error));

        // Lines of the metrics are small enough for what room is left; of what did not fit nothing is there.
        Assert.All(Directory.GetFileSystemEntries(disk.File(""), "*", SearchOption.AllDirectories), path => Assert.Contains(Path.GetFileName(path), new[] { "run", "metrics.jsonl" }));
    }

    [Fact]
    public void The_metrics_of_a_run_have_whole_lines_only_and_what_waited_is_written_when_there_is_room()
    {
        using SmallDisk disk = SmallDisk.OrSkip();
        MetricsFile metrics = new(disk.File(""), null);
        int step = 1;
        metrics.Add(new LoraTrainingStep { Step = step });
        disk.Fill();

        // The page that the file has is filled first.
        Assert.Throws<IOException>(() =>
        {
            while (step < 1000)
            {
                metrics.Add(new LoraTrainingStep { Step = ++step });
            }
        });
        Assert.Equal(Enumerable.Range(1, step - 1), Steps());

        File.Delete(disk.File(".filling"));
        metrics.Add(new LoraTrainingStep { Step = ++step });
        Assert.Equal(Enumerable.Range(1, step), Steps());

        IEnumerable<int> Steps()
        {
            string text = File.ReadAllText(disk.File(MetricsFile.Name));
            Assert.EndsWith("}\n", text, StringComparison.Ordinal);
            return text.TrimEnd().Split('\n').Select(line => JsonDocument.Parse(line).RootElement.GetProperty("step").GetInt32());
        }
    }

    private static void Holds(Action<SmallDisk> write)
    {
        using SmallDisk disk = SmallDisk.OrSkip();
        File.WriteAllText(disk.File("old"), "as it was");

        Assert.Equal(LoraError.OutputFailed, Assert.Throws<LoraException>(() => write(disk)).Error);

        Assert.Equal([disk.File("old")], Directory.GetFileSystemEntries(disk.File("")));
        Assert.Equal("as it was", File.ReadAllText(disk.File("old")));
    }
}
