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
}
