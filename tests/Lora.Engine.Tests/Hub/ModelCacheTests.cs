using System.Collections.Concurrent;
using Lora.Hub;

namespace Lora.Tests.Hub;

/// <summary>A cache that something happened to.</summary>
public sealed class ModelCacheTests : IDisposable
{
    private const string Shard = "model-00002-of-00003.safetensors";

    private readonly HubFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_that_was_cut_where_it_lies_is_brought_again(bool avoidsLinks)
    {
        HubOptions options = folder.Options with { AvoidsLinks = avoidsLinks };
        LoraInstalledModel first = await folder.DownloadAsync(options);
        using (FileStream stream = new(Path.Combine(first.Path, Shard), FileMode.Open)) // through the link, where it is one
        {
            stream.SetLength(1000);
        }

        folder.Hub.Reset();
        LoraInstalledModel again = await folder.DownloadAsync(options);
        folder.AssertWhole(again);
        Assert.Equal(folder.Repository.Files[Shard].Length, again.DownloadedSize);
        Assert.Single(folder.Asked("cdn"));
        Assert.Empty(folder.Parts());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_of_the_right_length_that_was_damaged_is_found_by_its_hash_where_that_is_asked_for(bool avoidsLinks)
    {
        HubOptions options = folder.Options with { AvoidsLinks = avoidsLinks };
        LoraInstalledModel first = await folder.DownloadAsync(options);
        foreach (string name in (string[])[Shard, "config.json"])
        {
            using FileStream stream = new(Path.Combine(first.Path, name), FileMode.Open);
            stream.WriteByte(255);
        }

        Assert.Equal(0, (await folder.DownloadAsync(options)).DownloadedSize); // by its length it is whole
        Watcher watcher = new();
        LoraInstalledModel again = await folder.DownloadAsync(options, observer: watcher, verifies: true);
        folder.AssertWhole(again);
        Assert.Equal(folder.Repository.Files[Shard].Length + folder.Repository.Files["config.json"].Length, again.DownloadedSize);
        Assert.Equal(["config.json", Shard], watcher.Warnings.Select(text => text.Split(' ')[0]).Order(StringComparer.Ordinal));
        Assert.Equal(again.Size, watcher.Most);
        Assert.Equal(first.File.Where(name => new FileInfo(Path.Combine(first.Path, name)).LinkTarget is null).Any(), avoidsLinks);
        Assert.Empty(folder.Parts());

        folder.Hub.Reset();
        Assert.Equal(0, (await folder.DownloadAsync(options, verifies: true)).DownloadedSize);
        Assert.Single(folder.Hub.Requests);
    }

    [Fact]
    public async Task A_cache_that_is_a_file_is_told_of_before_anybody_is_asked()
    {
        File.WriteAllText(folder.Cache, "");
        Assert.Equal(LoraError.HubSettingInvalid, (await folder.FailureAsync()).Error);
        Assert.Empty(folder.Hub.Requests);
    }

    [Fact]
    public async Task A_cache_that_cannot_be_written_to_is_told_of_and_nobody_is_waited_for()
    {
        using SmallDisk disk = SmallDisk.OrSkip(8192);
        folder.Cache = disk.File("hub");
        LoraInstalledModel model = await folder.DownloadAsync();
        File.Delete(Path.Combine(folder.Folder, "blobs", folder.Repository.Files[Shard].Sha256));
        disk.MakeReadOnly();

        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        LoraException failure = await Assert.ThrowsAsync<LoraException>(() => folder.DownloadAsync(cancellation: limit.Token));
        Assert.Equal(LoraError.OutputFailed, failure.Error);
        Assert.True(File.Exists(Path.Combine(model.Path, "config.json")));
    }

    private sealed class Watcher : IRunObserver
    {
        private readonly Lock gate = new();

        public ConcurrentQueue<string> Warnings { get; } = [];

        public long Most { get; private set; }

        public void Report(WorkProgress value)
        {
            lock (gate)
            {
                Most = Math.Max(Most, value.Done);
            }
        }

        public void OnStage(string text) => Assert.NotEmpty(text);

        public void OnWarning(string text) => Warnings.Enqueue(text);

        public void OnFailure(LoraException failure) => throw failure;
    }
}
