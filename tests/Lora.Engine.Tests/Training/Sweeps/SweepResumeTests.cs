using Lora.Adapters;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>A sweep that was stopped or killed ends where one that was not ends, and trains nothing twice.</summary>
public class SweepResumeTests(SweepResumeTests.WholeSweeps undisturbed) : IClassFixture<SweepResumeTests.WholeSweeps>
{
    private static readonly SweepPoint[] Points = SweepExample.Rates(1e-3, 5e-3, 2e-3, 1e-4);

    [Theory]
    [InlineData(null, 20)] // within the second point
    [InlineData(null, 16)] // after the last step of the first
    [InlineData(4, 3)]
    [InlineData(4, 4)]
    [InlineData(4, 9)]
    [InlineData(4, 20)] // within the last rung
    public void A_stopped_sweep_goes_on_bit_for_bit(int? factor, int steps)
    {
        using TemporaryFolder folder = new();
        IReadOnlyList<LoraSweepResult> whole = undisturbed.By(factor);
        SweepOptions options = new() { Factor = factor, OutputPath = folder.File("parts"), Resume = true };

        RecordingSweep stopped = StopAfter(steps, options);
        RecordingSweep resumed = new();
        IReadOnlyList<LoraSweepResult> parts = SweepExample.Sweep(Points, options, resumed);

        Assert.Equal(Whole(whole), Whole(parts));
        Assert.Equal(whole.Max(result => result.TotalStep) * (factor is null ? 4 : 1) + (factor is null ? 0 : 12), stopped.Steps.Count + resumed.Steps.Count);
        Assert.All(whole.Zip(parts), pair => Assert.Equal(ExampleRun.Values(AdapterFolder.Load(pair.First.Path!)), ExampleRun.Values(AdapterFolder.Load(pair.Second.Path!))));
    }

    [Fact]
    public void A_process_that_was_killed_between_points_trains_the_finished_one_not_again()
    {
        using TemporaryFolder folder = new();
        SweepOptions options = new() { OutputPath = folder.File("sweep") };
        RecordingSweep killed = new(onResult: result => CopyAll(folder.File("sweep"), folder.File($"killed-{result.Name}")));
        IReadOnlyList<LoraSweepResult> whole = SweepExample.Sweep(Points, options, killed);

        RecordingSweep resumed = new();
        IReadOnlyList<LoraSweepResult> parts = SweepExample.Sweep(Points, new() { OutputPath = folder.File($"killed-{Points[1].Name}"), Resume = true }, resumed);

        Assert.Equal(Points.Skip(2).Select(point => point.Name), resumed.Points.Select(point => point.Name));
        Assert.Equal(32, resumed.Steps.Count);
        Assert.Equal(Whole(whole), Whole(parts));
        Assert.Equal(whole.Select(result => result.Evaluation), parts.Select(result => result.Evaluation));
    }

    [Fact]
    public void A_process_that_was_killed_within_a_point_goes_on_from_its_last_state()
    {
        using TemporaryFolder folder = new();
        SweepPoint[] points = [.. Points.Select(point => point with { Options = point.Options with { SaveStep = 4 } })];
        int steps = 0;
        RecordingSweep killed = new(_ =>
        {
            if (++steps == 16 + 6)
            {
                CopyAll(folder.File("sweep"), folder.File("killed")); // as it is within the second point's seventh step
            }
        });
        IReadOnlyList<LoraSweepResult> whole = SweepExample.Sweep(points, new() { OutputPath = folder.File("sweep") }, killed);

        RecordingSweep resumed = new();
        IReadOnlyList<LoraSweepResult> parts = SweepExample.Sweep(points, new() { OutputPath = folder.File("killed"), Resume = true }, resumed);

        Assert.Equal((5, 12 + 32), (resumed.Steps[0].Step, resumed.Steps.Count));
        Assert.Equal(Whole(whole), Whole(parts));
    }

    [Fact]
    public void A_folder_with_a_sweep_is_gone_on_with_or_overwritten_only_when_asked()
    {
        using TemporaryFolder folder = new();
        SweepOptions options = new() { OutputPath = folder.File("sweep") };
        SweepExample.Sweep(Points[..2], options);

        Assert.Equal(LoraError.SweepExists, Assert.Throws<LoraException>(() => SweepExample.Sweep(Points[..2], options)).Error);
        RecordingSweep again = new(), anew = new();
        Assert.Equal(2, SweepExample.Sweep(Points[..2], options with { Resume = true }, again).Count);
        Assert.Equal(2, SweepExample.Sweep(Points[..2], options with { Overwrite = true }, anew).Count);
        Assert.Equal((0, 32), (again.Steps.Count, anew.Steps.Count));
    }

    [Fact]
    public void New_points_alone_are_trained_and_points_that_are_gone_are_named()
    {
        using TemporaryFolder folder = new();
        SweepOptions options = new() { OutputPath = folder.File("sweep") };
        SweepExample.Sweep(Points[..2], options);

        RecordingSweep resumed = new();
        IReadOnlyList<LoraSweepResult> swept = SweepExample.Sweep(Points[1..3], options with { Resume = true }, resumed);

        Assert.Equal([Points[2].Name], resumed.Points.Select(point => point.Name));
        Assert.Equal(Points[1..3].Select(point => point.Name), swept.Select(result => result.Name));
        Assert.Contains(resumed.Stages, stage => stage.EndsWith(Points[2].Name, StringComparison.Ordinal));
        Assert.Contains(Points[0].Name, Assert.Single(resumed.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Points_that_never_began_are_not_missed()
    {
        using TemporaryFolder folder = new();
        SweepOptions options = new() { OutputPath = folder.File("sweep"), Resume = true };
        StopAfter(18, options); // within the second of four

        RecordingSweep resumed = new();
        SweepExample.Sweep(Points[..1], options, resumed);

        string left = Assert.Single(resumed.Warnings);
        Assert.Contains(Points[1].Name, left, StringComparison.Ordinal);
        Assert.DoesNotContain(Points[2].Name, left, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_rows_and_other_options_and_another_choice_are_refused_by_name()
    {
        using TemporaryFolder folder = new();
        SweepOptions options = new() { OutputPath = folder.File("sweep"), Factor = 4 };
        SweepExample.Sweep(Points[..2], options);
        SweepPoint[] others = [.. Points[..2].Select(point => point with { Data = new(ExampleRun.DataFile("validation")), Options = point.Options with { BatchSize = 3 } })];

        LoraException other = Assert.Throws<LoraException>(() => SweepExample.Sweep(others, options with { Resume = true }));
        LoraException more = Assert.Throws<LoraException>(() => SweepExample.Sweep(Points[1..3], options with { Resume = true, Factor = 2 }));

        Assert.Equal(LoraError.ResumeRefused, other.Error);
        Assert.Contains($"point '{Points[0].Name}': Dataset is another", other.Message, StringComparison.Ordinal);
        Assert.Contains($"point '{Points[1].Name}': BatchSize was '2' and is '3'", other.Message, StringComparison.Ordinal);
        Assert.Contains("halved by 4 and is halved by 2", more.Message, StringComparison.Ordinal);
        Assert.Contains($"'{Points[2].Name}' is new, '{Points[0].Name}' is gone", more.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_record_is_refused()
    {
        using TemporaryFolder folder = new();
        folder.Write(SweepRecord.FileName, "{\"points\": 3}");

        Assert.Equal(LoraError.ResumeRefused, Assert.Throws<LoraException>(() => SweepExample.Sweep(Points, new() { OutputPath = folder.Path, Resume = true })).Error);
    }

    private static IEnumerable<(string, LoraSweepOutcome, int, double, double, long)> Whole(IEnumerable<LoraSweepResult> results) =>
        results.Select(result => (result.Name, result.Outcome, result.Step, result.Loss, result.TrainingLoss, result.Token));

    private static RecordingSweep StopAfter(int steps, SweepOptions options)
    {
        using CancellationTokenSource cancellation = new();
        int done = 0;
        RecordingSweep observer = new(_ =>
        {
            if (++done == steps)
            {
                cancellation.Cancel();
            }
        });
        Assert.ThrowsAny<OperationCanceledException>(() => SweepExample.Sweep(Points, options, observer, cancellation.Token));
        return observer;
    }

    private static void CopyAll(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string place = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(place)!);
            File.Copy(file, place);
        }
    }

    /// <summary>The sweep that nobody stopped, once for all that are: whole and halved.</summary>
    public sealed class WholeSweeps : IDisposable
    {
        private readonly TemporaryFolder folder = new();
        private readonly Dictionary<int, IReadOnlyList<LoraSweepResult>> sweeps = [];

        internal IReadOnlyList<LoraSweepResult> By(int? factor)
        {
            if (!sweeps.TryGetValue(factor ?? 0, out IReadOnlyList<LoraSweepResult>? results))
            {
                results = SweepExample.Sweep(Points, new() { Factor = factor, OutputPath = folder.File($"by-{factor}") });
                sweeps.Add(factor ?? 0, results);
            }

            return results;
        }

        public void Dispose() => folder.Dispose();
    }
}
