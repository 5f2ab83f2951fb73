using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Progress of long work: at most five records a second, with the time that is left; the last one says that it is completed.</summary>
/// <param name="write">Writes a record, at once or through a queue.</param>
/// <param name="activityId">The cmdlet's own number, which keeps its bar in one place.</param>
/// <param name="activity">What is done.</param>
/// <param name="clock">Measures the time since the first report.</param>
internal sealed class ProgressReporter(Action<ProgressRecord> write, int activityId, string activity, TimeProvider clock)
    : IProgress<WorkProgress>, IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private (long Done, long Time)? origin;
    private TimeSpan next = TimeSpan.Zero;
    private bool completed;

    /// <summary>Says how far the work is; too early a call is left out, except the last one.</summary>
    /// <param name="done">Units done, with those of an earlier run that was resumed.</param>
    /// <param name="total">All units; more than zero.</param>
    /// <param name="status">What is being done, for example the loss of the step.</param>
    public void Report(long done, long total, string status)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(total);
        origin ??= (done, clock.GetTimestamp());
        TimeSpan elapsed = clock.GetElapsedTime(origin.Value.Time);
        if (elapsed >= next || done >= total)
        {
            next = elapsed + Interval;
            write(new ProgressRecord(activityId, activity, status)
            {
                PercentComplete = (int)Math.Clamp(done * 100 / total, 0, 100),
                SecondsRemaining = SecondsRemaining(elapsed, done - origin.Value.Done, total - done),
            });
        }
    }

    /// <summary>Says how far a work of the engine is.</summary>
    public void Report(WorkProgress value) => Report(value.Done, value.Total, value.Status);

    /// <summary>Takes the bar away; a second call does nothing.</summary>
    public void Dispose()
    {
        if (!completed)
        {
            completed = true;
            write(new ProgressRecord(activityId, activity, activity) { RecordType = ProgressRecordType.Completed });
        }
    }

    // PowerShell's -1 is "not known": nothing of this run is done yet.
    private static int SecondsRemaining(TimeSpan elapsed, long done, long left) =>
        done <= 0 ? -1 : (int)Math.Min(elapsed.TotalSeconds / done * left, int.MaxValue);
}
