using System.Management.Automation;

namespace Lora.Commands.Tests.Common;

public sealed class ProgressBarTests
{
    private readonly ManualClock clock = new();

    [Fact]
    public void At_most_five_records_a_second_are_written()
    {
        ProgressBar bar = Bar();
        int records = 0;
        for (int step = 0; step < 100; step++)
        {
            clock.Advance(0.01);
            bar.Report(Step(step));
            records += bar.Next() is null ? 0 : 1;
        }

        Assert.InRange(records, 4, 5);
    }

    [Fact]
    public void What_came_last_is_shown_whatever_came_between()
    {
        ProgressBar bar = Bar();
        clock.Advance(1);
        bar.Report(Step(1));
        bar.Report(Step(9));

        Assert.Equal(("Training: step 9 of 100", 9), Shown(bar.Next()));
        bar.Report(Step(100));
        Assert.Null(bar.Next());
        Assert.Equal(("Training: step 100 of 100", 100), Shown(bar.Next(isLast: true)));
    }

    [Fact]
    public void A_record_that_no_other_follows_is_told_twice_since_a_console_draws_late()
    {
        ProgressBar bar = Bar();
        bar.Report(Step(1));
        List<ProgressRecord?> records = [];
        for (int tick = 0; tick < 5; tick++)
        {
            clock.Advance(0.25);
            records.Add(bar.Next());
        }

        Assert.Equal(2, records.Count(record => record is not null));
    }

    [Fact]
    public void The_time_left_follows_from_the_pace_of_the_stage_in_this_run()
    {
        ProgressBar bar = Bar();
        clock.Advance(1);
        bar.Report(new("Reading", 900, null, WorkUnit.Row));
        Assert.Equal(-1, bar.Next()!.SecondsRemaining);
        clock.Advance(1);
        bar.Report(Step(40));
        Assert.Equal(-1, bar.Next()!.SecondsRemaining);
        clock.Advance(20);
        bar.Report(Step(50));

        // Ten steps took 20 s, so the fifty that are left take 100 s; the forty of an earlier run say nothing about this machine.
        Assert.Equal(100, bar.Next()!.SecondsRemaining);
    }

    [Fact]
    public void Bytes_are_shown_in_megabytes_and_what_has_no_total_without_a_share()
    {
        ProgressBar bar = Bar();
        bar.Report(new("Loading weights", 1_200_000_000, 5_300_000_000, WorkUnit.Byte));
        Assert.Equal(("Loading weights: 1,144 of 5,054 MB", 22), Shown(bar.Next(isLast: true)));
        bar.Report(new("Reading 'a.jsonl'", 1234, null, WorkUnit.Row));
        Assert.Equal(("Reading 'a.jsonl': row 1,234", -1), Shown(bar.Next(isLast: true)));
    }

    [Fact]
    public void The_bar_is_taken_away_once_and_only_where_there_was_one()
    {
        ProgressBar bar = Bar();
        Assert.Null(bar.Completed());
        bar.Report(Step(1));
        ProgressRecord shown = bar.Next(isLast: true)!;
        ProgressRecord completed = bar.Completed()!;

        Assert.Equal((ProgressRecordType.Processing, ProgressRecordType.Completed), (shown.RecordType, completed.RecordType));
        Assert.Equal((7, 7), (shown.ActivityId, completed.ActivityId));
        Assert.Null(bar.Completed());
    }

    private static WorkProgress Step(int done) => new("Training", done, 100, WorkUnit.Step);

    private static (string, int) Shown(ProgressRecord? record) => (record!.StatusDescription, record.PercentComplete);

    private ProgressBar Bar() => new(7, "Training", clock);
}
