using System.Diagnostics;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Models;
using Lora.Text;
using Lora.Training;

namespace Lora.Tests.Checkpoints;

/// <summary>A pipe would be waited for, a device read without end: each is refused unopened, whatever file it stands for.</summary>
public sealed class RegularFileTests : IDisposable
{
    private static readonly Dictionary<string, Action<string>> Readers = new()
    {
        ["config.json"] = folder => ModelConfigReader.Read(folder),
        ["model.safetensors"] = folder => ModuleTree.Read(folder),
        ["model.safetensors.index.json"] = folder => ModuleTree.Read(folder),
        ["tokenizer.json"] = folder => Tokenizer.Load(folder),
        ["adapter_config.json"] = folder => AdapterFolder.Load(folder),
        ["adapter_model.safetensors"] = folder => AdapterFolder.Load(folder),
        ["rows.jsonl"] = folder => Dataset.Load([Path.Combine(folder, "rows.jsonl")], Tokenizer.Load(ExampleModel), new()),
        ["training_state.safetensors"] = folder => TrainingStateFile.Read(folder),
    };

    private readonly TemporaryFolder folder = new();

    private static string ExampleModel => Path.Combine(Repository.Root, "examples", "model");

    public static TheoryData<string, string> Files() =>
        [.. from name in Readers.Keys from kind in new[] { "pipe", "/dev/zero" } select (name, kind)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Files))]
    public async Task A_pipe_or_a_device_in_place_of_a_file_is_refused_unopened(string name, string kind)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Pipes and devices are files on Linux.");
        if (name == "adapter_model.safetensors")
        {
            File.Copy(Repository.Fixture("families", "llama3", "adapter", "adapter_config.json"), folder.File("adapter_config.json"));
        }

        if (kind == "pipe")
        {
            using Process mkfifo = Process.Start("mkfifo", [folder.File(name)]);
            await mkfifo.WaitForExitAsync();
        }
        else
        {
            File.CreateSymbolicLink(folder.File(name), kind);
        }

        // On a thread of its own: one that hangs in an open never comes back.
        Task<LoraException> refused = Task.Run(() => Assert.Throws<LoraException>(() => Readers[name](folder.Path)));
        Assert.Contains(name, (await refused.WaitAsync(TimeSpan.FromSeconds(20))).Message, StringComparison.Ordinal);
    }
}
