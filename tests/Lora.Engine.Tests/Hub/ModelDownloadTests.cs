using System.Diagnostics;
using Lora.Hub;
using Lora.Tests.Hubs;

namespace Lora.Tests.Hub;

/// <summary>Models from a local hub into the cache: its layout, and what comes of everything that goes wrong on the way.</summary>
public sealed class ModelDownloadTests : IDisposable
{
    private const string Shard = "model-00002-of-00003.safetensors";

    private static readonly string[] Needed =
        ["config.json", "model-00001-of-00003.safetensors", Shard, "model-00003-of-00003.safetensors", "model.safetensors.index.json", "tokenizer.json"];

    private readonly HubFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task The_cache_has_blobs_by_their_hash_relative_links_in_the_snapshot_and_the_branch_s_commit()
    {
        LoraInstalledModel model = await folder.DownloadAsync();

        folder.AssertWhole(model);
        Assert.Equal(Needed, model.File.Order(StringComparer.Ordinal));
        Assert.Equal(Needed, Directory.GetFiles(model.Path).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        Assert.Equal(Needed.Select(file => folder.Repository.Files[file].ETag).Order(StringComparer.Ordinal), Directory.GetFiles(Path.Combine(folder.Folder, "blobs")).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        Assert.Equal(Path.Combine("..", "..", "blobs", folder.Repository.Files[Shard].Sha256), new FileInfo(Path.Combine(model.Path, Shard)).LinkTarget);
        Assert.Equal(folder.Repository.Commit, File.ReadAllText(Path.Combine(folder.Folder, "refs", "main")));
        Assert.Equal([".locks", "models--org--model"], Directory.GetFileSystemEntries(folder.Cache).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        Assert.Equal(model.Size, model.DownloadedSize);
        Assert.Empty(folder.Parts());
    }

    [Fact]
    public async Task Files_come_at_the_same_time_and_the_token_goes_to_the_hub_alone()
    {
        // A large file is not given before another is asked for.
        using ManualResetEventSlim second = new();
        int asked = 0;
        folder.Hub.Answer = request =>
        {
            if (request.Server == "cdn")
            {
                if (Interlocked.Increment(ref asked) == 2)
                {
                    second.Set();
                }

                second.Wait(TimeSpan.FromMinutes(1));
            }

            return null;
        };
        await folder.DownloadAsync();
        Assert.InRange(folder.Hub.MostAtOnce, 2, folder.Options.Connections);
        Assert.Equal(3, folder.Asked("cdn").Count());
        Assert.All(folder.Asked("cdn"), request => Assert.Null(request.Header("Authorization")));
        Assert.All(folder.Asked("hub"), request => Assert.Equal(folder.Hub.Token, request.Token));
    }

    [Fact]
    public async Task What_is_here_is_not_asked_for_again_and_of_a_new_commit_only_what_changed()
    {
        await folder.DownloadAsync();
        folder.Hub.Reset();
        LoraInstalledModel again = await folder.DownloadAsync();
        Assert.Equal(0, again.DownloadedSize);
        Assert.Single(folder.Hub.Requests);

        Dictionary<string, LocalFile> files = new(folder.Repository.Files) { [Shard] = HubFolder.Model(seed: 1)[Shard] };
        string old = folder.Repository.Commit;
        folder.Repository.Push(files);
        LoraInstalledModel next = await folder.DownloadAsync();
        folder.AssertWhole(next);
        Assert.Equal(files[Shard].Length, next.DownloadedSize);
        Assert.True(Directory.Exists(Path.Combine(folder.Folder, "snapshots", old)));
        folder.Hub.Reset();
        Assert.Equal(old, (await folder.DownloadAsync(revision: old)).Commit);
        Assert.False(File.Exists(Path.Combine(folder.Folder, "refs", old)));
    }

    [Fact]
    public async Task A_branch_with_a_slash_has_its_commit_in_a_folder_of_refs()
    {
        folder.Repository.Push(HubFolder.Model(seed: 2), "refs/pr/1");
        LoraInstalledModel model = await folder.DownloadAsync(revision: "refs/pr/1");
        Assert.Equal(model.Commit, File.ReadAllText(Path.Combine(folder.Folder, "refs", "refs", "pr", "1")));
    }

    [Fact]
    public async Task A_connection_that_is_cut_again_and_again_is_gone_on_with_by_ranges()
    {
        folder.Hub.Fail(new() { Request = "^cdn GET", CutAfter = 70_000, Times = 6 });
        folder.AssertWhole(await folder.DownloadAsync());
        Assert.Contains(folder.Asked("cdn"), request => request.Header("Range") is not null);
        Assert.Empty(folder.Parts());
    }

    [Fact]
    public async Task A_connection_that_falls_silent_is_gone_on_with()
    {
        folder.Hub.Fail(new() { Request = "^cdn GET", StallAfter = 70_000 });
        folder.AssertWhole(await folder.DownloadAsync(folder.Options with { Timeout = TimeSpan.FromSeconds(0.5), Attempts = 100 }));
    }

    [Fact]
    public async Task A_host_without_ranges_sends_all_of_it_again()
    {
        folder.Hub.Fail(new() { Request = "^cdn GET", CutAfter = 70_000 });
        folder.Hub.Answer = request => request.Server == "cdn" && request.Header("Range") is not null
            ? new LocalResponse(200) { File = folder.Hub.Storage[request.Parts[0]] } : null;
        folder.AssertWhole(await folder.DownloadAsync());
    }

    [Fact]
    public async Task A_server_that_gives_no_byte_is_told_after_so_many_attempts_and_what_came_before_is_kept()
    {
        folder.Hub.Fail(new() { Request = "^cdn GET", CutAfter = 70_000, Times = 3 });
        folder.Hub.Fail(new() { Request = "^cdn GET", CutAfter = 0, Times = int.MaxValue });
        Assert.Equal(LoraError.HubUnreachable, (await folder.FailureAsync()).Error);
        Assert.NotEmpty(folder.Parts());
        Assert.False(Directory.Exists(Path.Combine(folder.Folder, "refs")));

        folder.Hub.Reset();
        folder.AssertWhole(await folder.DownloadAsync());
        Assert.Contains(folder.Asked("cdn"), request => request.Header("Range") is not null);
        Assert.Empty(folder.Parts());
    }

    [Fact]
    public async Task A_wrong_hash_is_an_error_and_no_blob()
    {
        folder.Hub.Fail(new() { Request = "^cdn GET", IsCorrupt = true });
        LoraException failure = await folder.FailureAsync();
        Assert.Equal(LoraError.HubFileDamaged, failure.Error);
        Assert.Contains("SHA-256", failure.Message, StringComparison.Ordinal);
        folder.AssertWhole(await folder.DownloadAsync());

        folder.Repository.Push(new Dictionary<string, LocalFile>(folder.Repository.Files) { ["config.json"] = new("{ }"u8.ToArray()) });
        folder.Hub.Fail(new() { Request = "resolve-cache", IsCorrupt = true });
        failure = await folder.FailureAsync();
        Assert.Contains("config.json", failure.Message, StringComparison.Ordinal);
        Assert.Contains("SHA-1", failure.Message, StringComparison.Ordinal);
        folder.AssertWhole(await folder.DownloadAsync());
    }

    [Theory]
    [InlineData(100_000, true)] // a beginning, as another program leaves it
    [InlineData(100_000, false)] // something else
    [InlineData(300_000, true)] // all of it, but not yet a blob
    [InlineData(300_000, false)]
    [InlineData(400_000, false)]
    public async Task What_an_earlier_download_left_is_gone_on_with_or_thrown_away_as_its_hash_says(int length, bool isBeginning)
    {
        LocalFile shard = folder.Repository.Files[Shard];
        string part = Path.Combine(folder.Folder, "blobs", shard.Sha256 + ".incomplete");
        Directory.CreateDirectory(Path.GetDirectoryName(part)!);
        File.WriteAllBytes(part, isBeginning ? shard.Head[..length].ToArray() : new byte[length]);

        folder.AssertWhole(await folder.DownloadAsync());
        Assert.Empty(folder.Parts());
        LocalRequest[] asked = [.. folder.Asked("cdn").Where(request => request.Path.Contains(shard.Sha256, StringComparison.Ordinal))];
        Assert.Equal((length, isBeginning) switch { (300_000, true) => 0, (100_000, false) => 2, _ => 1 }, asked.Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task On_a_file_system_without_links_the_snapshot_has_the_files_themselves(bool isToldSo)
    {
        using SmallDisk? disk = isToldSo ? null : SmallDisk.OrSkip(8192, "nosymfollow");
        folder.Cache = disk?.File("hub") ?? folder.Cache;
        HubOptions options = folder.Options with { AvoidsLinks = isToldSo };

        LoraInstalledModel model = await folder.DownloadAsync(options);
        folder.AssertWhole(model);
        Assert.All(Directory.GetFiles(model.Path), file => Assert.Null(new FileInfo(file).LinkTarget));
        folder.Hub.Reset();
        Assert.Equal(0, (await folder.DownloadAsync(options)).DownloadedSize);
        Assert.Single(folder.Hub.Requests);
    }

    [Fact]
    public async Task A_disk_without_the_room_is_told_before_anything_is_written()
    {
        using SmallDisk disk = SmallDisk.OrSkip(512);
        folder.Cache = disk.File("hub");
        LoraException failure = await folder.FailureAsync();
        Assert.Equal(LoraError.DiskRoomInsufficient, failure.Error);
        Assert.Contains("879 KB", failure.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.Cache));
    }

    [Fact]
    public async Task A_disk_that_others_fill_meanwhile_is_an_error_and_with_room_it_goes_on()
    {
        using SmallDisk disk = SmallDisk.OrSkip(2048);
        folder.Cache = disk.File("hub");
        int filled = 0;
        folder.Hub.Heard = request =>
        {
            if (request.Server == "cdn" && Interlocked.Exchange(ref filled, 1) == 0)
            {
                disk.Fill();
            }
        };
        Assert.Equal(LoraError.OutputFailed, (await folder.FailureAsync()).Error);
        Assert.False(Directory.Exists(Path.Combine(folder.Folder, "refs")));

        File.Delete(disk.File(".filling"));
        folder.AssertWhole(await folder.DownloadAsync());
        Assert.Empty(folder.Parts());
    }

    [Fact]
    public async Task A_download_that_is_cancelled_goes_on_later()
    {
        using CancellationTokenSource cancellation = new();
        folder.Hub.Fail(new() { Request = "^cdn GET", StallAfter = 200_000, Times = 3 });
        Observer observer = new(value =>
        {
            // No sooner than all has come that can come: a third of each of the three is missing.
            if (value.Done == value.Total - 300_000)
            {
                cancellation.Cancel();
            }
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => folder.DownloadAsync(observer: observer, cancellation: cancellation.Token));
        Assert.Equal(3, folder.Parts().Count(part => new FileInfo(part).Length == 200_000)); // a small file may be on its way too

        folder.Hub.Reset();
        LoraInstalledModel model = await folder.DownloadAsync();
        folder.AssertWhole(model);
        Assert.Equal(["bytes=200000-299999", "bytes=200000-299999", "bytes=200000-299999"], folder.Asked("cdn").Select(request => request.Header("Range")));
        Assert.InRange(model.DownloadedSize, 300_000, 300_999);
    }

    [Fact]
    public async Task Two_downloads_at_once_write_each_content_once()
    {
        folder.Hub.Latency = TimeSpan.FromMilliseconds(20);
        LoraInstalledModel[] both = await Task.WhenAll(folder.DownloadAsync(), folder.DownloadAsync());
        Assert.All(both, model => folder.AssertWhole(model));
        Assert.Equal(3, folder.Asked("cdn").Count());
        Assert.Empty(folder.Parts());
    }

    [Fact]
    public async Task A_file_that_another_program_holds_by_flock_as_huggingface_hub_does_is_waited_for()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/flock"), "There is no program 'flock' here.");
        string locks = Path.Combine(folder.Cache, ".locks", "models--org--model");
        Directory.CreateDirectory(locks);
        using Process other = Process.Start(new ProcessStartInfo("/usr/bin/flock", ["-x", Path.Combine(locks, folder.Repository.Files[Shard].Sha256 + ".lock"), "sh", "-c", "echo held; exec sleep 60"]) { RedirectStandardOutput = true })!;
        Assert.Equal("held", await other.StandardOutput.ReadLineAsync());
        int warnings = 0;
        Observer observer = new(_ => { }, text =>
        {
            Assert.Contains(Shard, text, StringComparison.Ordinal);
            Assert.DoesNotContain(folder.Asked("cdn"), request => request.Path.Contains(folder.Repository.Files[Shard].Sha256, StringComparison.Ordinal));
            Interlocked.Increment(ref warnings);
            other.Kill(entireProcessTree: true);
        });
        folder.AssertWhole(await folder.DownloadAsync(observer: observer));
        Assert.Equal(1, warnings);
    }

    [Fact]
    public async Task Two_files_of_the_same_content_come_once()
    {
        folder.Repository.Push(new Dictionary<string, LocalFile>(folder.Repository.Files) { ["special_tokens_map.json"] = folder.Repository.Files["tokenizer.json"], ["empty.json"] = new([]) });
        LoraInstalledModel model = await folder.DownloadAsync(folder.Options with { AvoidsLinks = true });
        folder.AssertWhole(model);
        Assert.Contains("empty.json", model.File);
        Assert.Single(folder.Hub.Requests, request => request.Path.Contains("/resolve/", StringComparison.Ordinal) && request.Parts[^1] is ("special_tokens_map.json" or "tokenizer.json"));
    }

    [Fact]
    public async Task A_copy_where_there_are_no_links_ends_when_it_is_cancelled()
    {
        LocalFile shard = folder.Repository.Files[Shard];
        folder.Repository.Push(new Dictionary<string, LocalFile> { ["model.safetensors"] = shard, ["adapter_model.safetensors"] = shard });
        using CancellationTokenSource cancellation = new();
        Observer observer = new(value =>
        {
            if (value.Done == value.Total)
            {
                cancellation.Cancel();
            }
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => folder.DownloadAsync(folder.Options with { AvoidsLinks = true }, observer: observer, cancellation: cancellation.Token));
        Assert.Equal([shard.Sha256], Directory.GetFiles(folder.Folder, "*", SearchOption.AllDirectories).Select(file => Path.GetFileName(file)));
    }

    [Fact]
    public async Task Progress_begins_with_nothing_and_ends_with_all_bytes()
    {
        long most = 0;
        Observer observer = new(value =>
        {
            Assert.InRange(value.Done, 0, value.Total!.Value);
            InterlockedMax(ref most, value.Done);
        });
        folder.Hub.Fail(new() { Request = "^cdn GET", CutAfter = 70_000, Times = 3 });
        Assert.Equal((await folder.DownloadAsync(observer: observer)).Size, most);
    }

    private static void InterlockedMax(ref long most, long value)
    {
        for (long seen = most; value > seen && Interlocked.CompareExchange(ref most, value, seen) != seen; seen = most)
        {
            // Another thread was in between.
        }
    }
}
