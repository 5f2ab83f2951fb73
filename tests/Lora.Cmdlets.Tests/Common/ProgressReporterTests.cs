using System.Management.Automation;

namespace Lora.Commands.Tests.Common;

public sealed class ProgressReporterTests
{
    private readonly ManualClock clock = new();
    private readonly List<ProgressRecord> records = [];

    [Fact]
    public void At_most_five_records_a_second_are_written()
    {
        using ProgressReporter progress = Reporter();
        for (int step = 0; step < 100; step++)
        {
            progress.Report(step, 1000, "step");
            clock.Advance(0.01);
        }

        Assert.Equal(5, records.Count);
    }

    [Fact]
    public void The_last_step_is_always_written()
    {
        using ProgressReporter progress = Reporter();
        progress.Report(9, 10, "step");
        progress.Report(10, 10, "step");

        Assert.Equal([90, 100], records.Select(record => record.PercentComplete));
    }

    [Fact]
    public void The_time_left_follows_from_the_pace_of_this_run()
    {
        using ProgressReporter progress = Reporter();
        progress.Report(40, 100, "step");
        clock.Advance(20);
        progress.Report(50, 100, "step");

        // Ten steps took 20 s, so the fifty that are left take 100 s; the forty of an earlier run say nothing about this machine.
        Assert.Equal([-1, 100], records.Select(record => record.SecondsRemaining));
    }

    [Fact]
    public void The_bar_is_taken_away_once()
    {
        ProgressReporter progress = Reporter();
        progress.Report(1, 2, "step");
        progress.Dispose();
        progress.Dispose();

        Assert.Equal([ProgressRecordType.Processing, ProgressRecordType.Completed], records.Select(record => record.RecordType));
        Assert.All(records, record => Assert.Equal(7, record.ActivityId));
    }

    private ProgressReporter Reporter() => new(records.Add, 7, "Training", clock);
}
