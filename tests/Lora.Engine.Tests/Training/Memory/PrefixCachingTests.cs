using Lora.Models;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>A cache saves time, and its lack ends no run. TMPDIR is the whole process's, so these run alone.</summary>
[Collection(nameof(DevicePurityTests))]
public sealed class PrefixCachingTests : IDisposable
{
    private static readonly LoraConfig Config = ExampleRun.Config with { LayersToTransform = [3] };
    private static readonly TrainingOptions Options = ExampleRun.Options with { PrefixCache = LoraPrefixCache.Disk, MaxStep = 6 };

    private readonly string? before = Environment.GetEnvironmentVariable("TMPDIR");

    public void Dispose() => Environment.SetEnvironmentVariable("TMPDIR", before);

    [Fact]
    public void A_full_temporary_folder_is_warned_of_and_the_adapter_is_the_same_bit_for_bit()
    {
        using SmallDisk disk = SmallDisk.OrSkip(64);
        LoraTrainingResult whole = ExampleRun.Train(Config, Options);
        Environment.SetEnvironmentVariable("TMPDIR", disk.File(""));
        RecordingObserver observer = new();

        LoraTrainingResult full = ExampleRun.Train(Config, Options, observer);

        Assert.Contains(observer.Warnings, warning => warning.StartsWith("Hidden states are no longer kept", StringComparison.Ordinal));
        Assert.Empty(observer.Failures);
        Assert.Equal(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(full.Adapter!));
    }

    [Theory]
    [InlineData(LoraPrefixCache.Disk)]
    [InlineData(LoraPrefixCache.Auto)]
    public void A_temporary_folder_that_is_not_there_ends_no_run(LoraPrefixCache place)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The temporary folder of Windows is another variable.");
        using TemporaryFolder folder = new();
        Environment.SetEnvironmentVariable("TMPDIR", folder.File("none"));
        RecordingObserver observer = new();

        LoraTrainingResult result = ExampleRun.Train(Config, Options with { PrefixCache = place, MemoryLimit = null }, observer);

        Assert.Equal((LoraStopReason.Completed, 6), (result.StopReason, result.History.Length));
        Assert.Equal(place == LoraPrefixCache.Disk, observer.Warnings.Any(warning => warning.StartsWith("Hidden states are not kept on disk", StringComparison.Ordinal)));
    }

    [Fact]
    public void Auto_goes_past_a_temporary_folder_that_is_not_there()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The temporary folder of Windows is another variable.");
        using TemporaryFolder folder = new();
        Environment.SetEnvironmentVariable("TMPDIR", folder.File("none"));

        Assert.Equal(LoraPrefixCache.None, PrefixCaching.Choose(LoraPrefixCache.Auto, lowest: 1, isReused: true, bytes: 1, fits: () => false));
    }

    [Theory]
    [InlineData(3, false, null, 9, "")] // no row comes again
    [InlineData(3, true, null, 9, "3")]
    [InlineData(3, true, null, 0, "")]
    [InlineData(3, false, 2, 9, "2")] // another point's will
    [InlineData(3, true, 2, 9, "3 2")]
    [InlineData(3, true, 2, 1, "2")] // of two the one that every point reads
    [InlineData(2, true, 2, 9, "2")]
    [InlineData(3, true, 0, 9, "3")] // below block 0 is the embedding alone
    [InlineData(3, false, 0, 9, "")]
    public void A_sweep_keeps_what_lies_below_the_lowest_block_of_all_its_points(int lowest, bool isReused, int? shared, int room, string blocks)
    {
        (int Block, LoraPrefixCache Place)[] kept = PrefixCaching.Choose(LoraPrefixCache.Auto, lowest, isReused, shared, long.MaxValue / 4, several => several <= room);

        Assert.Equal(blocks, string.Join(' ', kept.Select(cache => cache.Block)));
        Assert.All(kept, cache => Assert.Equal(LoraPrefixCache.Memory, cache.Place));
    }

    [Fact]
    public void Hidden_states_are_kept_from_point_to_point_though_no_row_comes_twice()
    {
        TrainingOptions options = ExampleRun.Options with { MaxStep = 1 };
        using TrainingSession alone = new(), sweep = new() { SweptBlock = 2 };

        long[] planned = [.. new[] { alone, sweep, sweep }.Select(session => session.Train(Config, ExampleRun.Data, options).MemoryPlan!.PrefixCache)];

        Assert.Equal(0, planned[0]);
        Assert.NotEqual(0, planned[1]);
        Assert.Equal(0, planned[2]); // the bytes are taken already
    }

    [Fact]
    public void The_memory_plan_has_the_hidden_states_of_the_rows_that_are_evaluated_too()
    {
        TrainingOptions options = ExampleRun.Options with { PrefixCache = LoraPrefixCache.Memory, MaxStep = 1 };
        TrainingData[] data = [ExampleRun.Data, new(ExampleRun.DataFile("train")), new(ExampleRun.DataFile("validation"))];

        long[] planned = [.. data.Select(rows =>
        {
            using TrainingSession session = new();
            return session.Train(Config, rows, options).MemoryPlan!.PrefixCache;
        })];

        Assert.Equal(planned[1] + planned[2], planned[0]);
        Assert.NotEqual(0, planned[2]);
    }

    [Fact]
    public void A_store_that_fails_is_given_up_and_told_of_once()
    {
        using DisposeScope scope = NewDisposeScope();
        List<string> told = [];
        FailingStore store = new();
        using PrefixCache cache = new(1, store) { OnFailure = told.Add };
        Lora.Data.TrainingExample one = new([1], [1], 1);
        Lora.Data.TrainingExample two = new([2], [2], 2);

        cache.Add(one, zeros(1, device: CPU));
        cache.Add(two, zeros(1, device: CPU));
        cache.Add(two, zeros(1, device: CPU));

        Assert.Single(told);
        Assert.True(store.IsDisposed);
        Assert.False(cache.TryRead(one, zeros(1, device: CPU)));
    }

    private sealed class FailingStore : IPrefixStore
    {
        private int count;

        public bool IsDisposed { get; private set; }

        public int Add(Tensor values) => count++ == 0 ? 0 : throw new IOException("No space left on device");

        public void Read(int number, Tensor destination)
        {
        }

        public void Dispose() => IsDisposed = true;
    }
}
