using Lora.Hub;
using Lora.Tests.Hubs;

namespace Lora.Tests.Hub;

/// <summary>One large file over several connections: what is on the disk is a beginning, whatever comes first.</summary>
public sealed class PartsAheadTests : IDisposable
{
    private const string Weights = "model.safetensors";
    private const int Size = 1_000_000;
    private const int PartBytes = 100_000;

    private readonly HubFolder folder = new();
    private readonly LocalFile file;

    public PartsAheadTests()
    {
        byte[] content = new byte[Size];
        new Random(5).NextBytes(content);
        file = new(content, isLarge: true);
        folder.Repository.Push(new Dictionary<string, LocalFile> { ["config.json"] = new("{}"u8.ToArray()), [Weights] = file });
    }

    private HubOptions Options => folder.Options with { PartBytes = PartBytes };

    private string Part => Path.Combine(folder.Folder, "blobs", file.Sha256 + ".incomplete");

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Its_parts_come_at_the_same_time_and_each_once()
    {
        // No part is given before another is asked for.
        using ManualResetEventSlim second = new();
        folder.Hub.Answer = request =>
        {
            if (request.Server == "cdn")
            {
                if (folder.Asked("cdn").Count() > 1)
                {
                    second.Set();
                }

                second.Wait(TimeSpan.FromMinutes(1));
            }

            return null;
        };

        LoraInstalledModel model = await folder.DownloadAsync(Options);
        folder.AssertWhole(model);
        Assert.Equal(model.Size, model.DownloadedSize);
        Assert.Equal(
            Enumerable.Range(0, Size / PartBytes).Select(part => $"bytes={part * PartBytes}-{((part + 1) * PartBytes) - 1}").Order(StringComparer.Ordinal),
            folder.Asked("cdn").Select(request => request.Header("Range")!).Order(StringComparer.Ordinal));
        Assert.InRange(folder.Hub.MostAtOnce, 2, int.MaxValue);
        Assert.Empty(folder.Parts());
    }

    [Fact]
    public async Task What_came_of_later_parts_is_not_kept_when_it_is_stopped_and_the_next_goes_on_from_the_beginning_that_is_there()
    {
        using CancellationTokenSource cancellation = new();
        folder.Hub.Answer = request => request.Server == "cdn" && request.Range(Size) is (0, _) ? LocalResponse.Content(file, request, []) with { StallAfter = 50_000 } : null;
        folder.Hub.Heard = _ =>
        {
            if (folder.Asked("cdn").Count() == Options.Connections)
            {
                cancellation.Cancel();
            }
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => folder.DownloadAsync(Options, cancellation: cancellation.Token));
        byte[] kept = await File.ReadAllBytesAsync(Part, TestContext.Current.CancellationToken);
        Assert.InRange(kept.Length, 0, 50_000);
        Assert.Equal(file.Head[..kept.Length].ToArray(), kept);

        (folder.Hub.Answer, folder.Hub.Heard) = (null, null);
        folder.Hub.Reset();
        folder.AssertWhole(await folder.DownloadAsync(Options));
        Assert.Contains(folder.Asked("cdn"), request => request.Header("Range") == $"bytes={kept.Length}-{kept.Length + PartBytes - 1}");
        Assert.Empty(folder.Parts());
    }

    [Fact]
    public async Task What_another_tool_left_is_gone_on_with()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Part)!);
        await File.WriteAllBytesAsync(Part, file.Head[..650_000].ToArray(), TestContext.Current.CancellationToken);

        folder.AssertWhole(await folder.DownloadAsync(Options));
        Assert.Equal(["bytes=650000-749999", "bytes=750000-849999", "bytes=850000-949999", "bytes=950000-999999"], folder.Asked("cdn").Select(request => request.Header("Range")).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(30_000)]
    public async Task Parts_that_are_cut_are_gone_on_with_and_what_is_lost_is_taken_back_from_the_progress(int after)
    {
        long most = 0;
        Lock gate = new();
        Observer observer = new(value =>
        {
            Assert.InRange(value.Done, 0, value.Total!.Value);
            lock (gate)
            {
                most = Math.Max(most, value.Done);
            }
        });
        folder.Hub.Fail(new() { Request = "^cdn GET", CutAfter = after, Times = 3 });
        LoraInstalledModel model = await folder.DownloadAsync(Options, observer: observer);
        folder.AssertWhole(model);
        Assert.Equal(model.Size, most);
        Assert.Empty(folder.Parts());
    }

    [Fact]
    public async Task Progress_goes_on_before_a_part_is_whole()
    {
        using CancellationTokenSource cancellation = new();
        HubOptions options = Options;
        folder.Hub.Fail(new() { Request = "^cdn GET", StallAfter = 50_000, Times = options.Connections });
        Observer observer = new(value =>
        {
            if (value.Done >= options.Connections * 50_000)
            {
                cancellation.Cancel();
            }
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => folder.DownloadAsync(options, observer: observer, cancellation: cancellation.Token));
        Assert.InRange(new FileInfo(Part).Length, 0, 50_000); // of the first of them
    }

    [Fact]
    public async Task A_host_that_gives_no_parts_gives_all_of_it()
    {
        folder.Hub.Answer = request => request.Server == "cdn" ? new LocalResponse(200) { File = file } : null;
        folder.AssertWhole(await folder.DownloadAsync(Options));
        Assert.Empty(folder.Parts());
    }

    [Fact]
    public async Task What_came_damaged_is_an_error_and_nothing_of_it_stays()
    {
        folder.Hub.Fail(new() { Request = "^cdn GET", IsCorrupt = true });
        Assert.Equal(LoraError.HubFileDamaged, (await folder.FailureAsync(Options)).Error);
        folder.AssertWhole(await folder.DownloadAsync(Options));
    }
}
