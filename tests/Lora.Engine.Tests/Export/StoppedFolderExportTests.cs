using System.Diagnostics;
using System.Security.Cryptography;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Tools.Killer;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>
/// A merge into a folder, and Ollama's folder: killed, cancelled or without room on the disk at any moment, what was there or what was to come is there, for the
/// next one who looks into it, and nothing else stays.
/// </summary>
public sealed class StoppedFolderExportTests : IDisposable
{
    private const int LimitKilobytes = 700; // of a file; the model has 3 MB
    private static readonly string Model = Path.Combine(Repository.Root, "examples", "model");

    private readonly TemporaryFolder files = new();

    public static TheoryData<string, string> Moments { get; } = new MatrixTheoryData<string, string>(["merge", "ollama"], KilledExport.FolderMoments);

    public void Dispose() => files.Dispose();

    [Theory]
    [MemberData(nameof(Moments))]
    public async Task Killed(string form, string moment)
    {
        string adapter = Prepare(form);
        string[] old = Content("out"), whole = Content("whole");
        Assert.NotEqual(old, whole);

        await Start("dotnet", [.. Arguments(form, adapter), moment]);
        FolderChange.Finish(files.File("out"));
        string[] found = Content("out");
        Assert.True(found.SequenceEqual(old) || found.SequenceEqual(whole), string.Join(", ", found));

        // What a killed writer left goes with the next one, once nobody holds it.
        Write(form, AdapterFolder.Load(adapter), files.File("out"));
        Assert.Equal(whole, Content("out"));
        Assert.Equal([files.File("adapter"), files.File("out"), files.File("whole")], Directory.GetFileSystemEntries(files.Path).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("merge")]
    [InlineData("ollama")]
    [InlineData("gguf")]
    public async Task Without_room_for_a_file(string form)
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "This system has no shell that limits what a process writes.");
        string adapter = Prepare(form);
        string[] old = Content("out");

        // The system refuses the write in the middle of a file, as a full disk does; the signal that it sends beside is not what a disk sends.
        string program = string.Join(' ', Arguments(form, adapter).Select(argument => $"'{argument}'"));
        Assert.Equal(KilledExport.Refused, await Start("/bin/bash", "-c", $"trap '' XFSZ; export DOTNET_EnableWriteXorExecute=0; ulimit -f {LimitKilobytes}; exec dotnet {program}"));

        Assert.Equal(old, Content("out"));
        Assert.Equal([files.File("adapter"), files.File("out"), files.File("whole")], Directory.GetFileSystemEntries(files.Path).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("merge")]
    [InlineData("ollama")]
    public void Cancelled_at_a_dozen_moments(string form)
    {
        string adapter = Prepare(form);
        string[] old = Content("out");
        int reports = 0;
        Write(form, AdapterFolder.Load(adapter), files.File("counted"), new Counter(() => reports++));
        Directory.Delete(files.File("counted"), recursive: true);

        for (int last = 1; last < reports; last += Math.Max(1, reports / 12))
        {
            using CancellationTokenSource cancellation = new();
            int left = last;
            Counter progress = new(() =>
            {
                if (--left == 0)
                {
                    cancellation.Cancel();
                }
            });
            Assert.ThrowsAny<OperationCanceledException>(() => Write(form, AdapterFolder.Load(adapter), files.File("out"), progress, cancellation.Token));
            Assert.Equal(old, Content("out"));
            Assert.Equal([files.File("adapter"), files.File("out"), files.File("whole")], Directory.GetFileSystemEntries(files.Path).Order(StringComparer.Ordinal));
        }
    }

    /// <summary>An adapter in a folder, what it comes to as <c>whole</c>, and what another comes to as <c>out</c>; both adapters say the same of themselves.</summary>
    private string Prepare(string form)
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter adapter = TrainedAdapter.On(Model, new() { Rank = 2, Alpha = 4, TargetModule = ["q_proj"] }, tensor(new long[] { 1, 2, 3 }, [1, 3])).Adapter;
        LoraAdapter other = new() { Config = adapter.Config, Tensors = [.. adapter.Tensors.Select(values => values with { Bytes = new byte[values.ByteCount] })] };
        AdapterFolder.Save(adapter, files.File("adapter"));
        Write(form, adapter, files.File("whole"));
        Write(form, other, files.File("out"));
        return files.File("adapter");
    }

    private static void Write(string form, LoraAdapter adapter, string output, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        ModelMergeOptions options = new() { Overwrite = true, Thread = 1, SkipVerification = true };
        _ = form switch
        {
            "merge" => ModelMerge.Write(adapter, Model, output, options, progress, cancellation),
            "ollama" => OllamaModel.Write(adapter, Model, output, LoraTensorType.Q8_0, options: options, progress: progress, cancellation: cancellation),
            _ => GgufModel.Write(adapter, Model, output, LoraTensorType.Q8_0, options, progress, cancellation),
        };
    }

    /// <summary>The names of files, each with what is in it.</summary>
    private string[] Content(string name)
    {
        string place = files.File(name);
        string[] found = File.Exists(place) ? [place] : Directory.GetFiles(place, "*", SearchOption.AllDirectories);
        return [.. found.Select(file => $"{Path.GetRelativePath(place, file)} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))}").Order(StringComparer.Ordinal)];
    }

    private string[] Arguments(string form, string adapter) => [typeof(Campaign).Assembly.Location, "export", form, Model, adapter, files.File("out")];

    private static async Task<int> Start(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    private sealed class Counter(Action count) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => count();
    }
}
