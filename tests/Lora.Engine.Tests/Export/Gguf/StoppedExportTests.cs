using System.Diagnostics;
using Lora.Export;
using Lora.Tools.Killer;

namespace Lora.Tests.Export;

/// <summary>An export that is killed or cancelled at any moment leaves the old file or the new one, and nothing else of it stays.</summary>
public sealed class StoppedExportTests : IDisposable
{
    private static readonly string Model = Path.Combine(Repository.Root, "examples", "model");

    private readonly TemporaryFolder files = new();

    public static TheoryData<string> Moments { get; } = [.. KilledExport.Moments];

    public void Dispose() => files.Dispose();

    [Theory]
    [MemberData(nameof(Moments))]
    public async Task Killed(string moment)
    {
        string output = files.Write("model.gguf", "as it was"), whole = files.File("whole.gguf");
        GgufModel.Write(null, Model, whole, LoraTensorType.Q8_0, new() { Thread = 1 });

        using (Process process = Process.Start("dotnet", [typeof(Campaign).Assembly.Location, "export", "gguf", Model, "", output, moment]))
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.NotEqual(0, process.ExitCode);
        }

        Assert.True(File.ReadAllText(output) == "as it was" || File.ReadAllBytes(output).AsSpan().SequenceEqual(File.ReadAllBytes(whole)));

        // What a killed writer left goes with the next one, once it is older than a rename takes.
        Array.ForEach(Directory.GetFiles(files.Path, "*.tmp"), left => File.SetLastWriteTimeUtc(left, DateTime.UtcNow.AddMinutes(-1)));
        GgufModel.Write(null, Model, output, LoraTensorType.Q8_0, new() { Overwrite = true, Thread = 1 });
        Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(output));
        Assert.Equal([output, whole], Directory.GetFileSystemEntries(files.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Cancelled_at_every_tensor()
    {
        string output = files.Write("model.gguf", "as it was");
        int tensors = 0;
        GgufModel.WriteWithTokens(null, Model, files.File("whole.gguf"), LoraTensorType.F16, GgufFamilyTests.NoVocabulary, progress: new Counter(() => tensors++));
        File.Delete(files.File("whole.gguf"));

        for (int last = 1; last < tensors; last++)
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
            Assert.ThrowsAny<OperationCanceledException>(() => GgufModel.WriteWithTokens(
                null, Model, output, LoraTensorType.F16, GgufFamilyTests.NoVocabulary, new() { Overwrite = true }, progress, cancellation.Token));
            Assert.Equal("as it was", File.ReadAllText(output));
            Assert.Equal([output], Directory.GetFileSystemEntries(files.Path));
        }
    }

    [Fact]
    public void What_is_there_is_replaced_only_where_that_is_allowed()
    {
        string output = files.Write("model.gguf", "as it was");
        LoraException exception = Assert.Throws<LoraException>(() => GgufModel.WriteWithTokens(null, Model, output, LoraTensorType.F16, GgufFamilyTests.NoVocabulary));
        Assert.Equal(LoraError.OutputExists, exception.Error);
        Assert.Equal("as it was", File.ReadAllText(output));

        GgufModel.WriteWithTokens(null, Model, files.File("new/folder/model.gguf"), LoraTensorType.F16, GgufFamilyTests.NoVocabulary);
        Assert.Equal(LoraError.OutputFailed, Assert.Throws<LoraException>(() => GgufModel.WriteWithTokens(null, Model, files.File("new"), LoraTensorType.F16, GgufFamilyTests.NoVocabulary)).Error);
    }

    private sealed class Counter(Action count) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => count();
    }
}
