using System.Globalization;
using System.Management.Automation;
namespace Lora.Commands;

/// <summary>
/// The bar of one work: the latest that was said of its progress, with the time that is left of the stage. Work says it on any thread and as often
/// as it likes; the pipeline's thread asks for what is to be shown, and gets at most five records a second.
/// </summary>
/// <param name="activityId">Tells the bars of one process apart.</param>
/// <param name="activity">What is done.</param>
/// <param name="clock">Measures the time since a stage began.</param>
internal sealed class ProgressBar(int activityId, string activity, TimeProvider clock) : IProgress<WorkProgress>
{
    /// <summary>From one record to the next, at least.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    /// <summary>The id of the bar that this one is shown below; null for none.</summary>
    public int? ParentId { get; set; }

    private readonly long began = clock.GetTimestamp();
    private WorkProgress? latest;
    private WorkProgress? shown;
    private bool isRepeated;
    private TimeSpan next = Interval;
    private (string Stage, long Done, TimeSpan Time)? origin;

    /// <summary>Says how far the work is.</summary>
    public void Report(WorkProgress value) => Volatile.Write(ref latest, value);

    /// <summary>What is to be written now; null for nothing.</summary>
    /// <param name="isLast">Whether the work is done, so that how far it came is said at once.</param>
    public ProgressRecord? Next(bool isLast = false)
    {
        WorkProgress? value = Volatile.Read(ref latest);
        TimeSpan now = clock.GetElapsedTime(began);
        bool isNew = !ReferenceEquals(value, shown);
        if (value is null || (isLast ? !isNew : now < next || (!isNew && isRepeated)))
        {
            return null;
        }

        // A console draws what it was told before its last tick; a record that no other follows is told twice.
        isRepeated = !isNew;
        shown = value;
        next = now + Interval;
        return Record(value, now);
    }

    /// <summary>Takes the bar away; null where there is none.</summary>
    public ProgressRecord? Completed()
    {
        ProgressRecord? record = shown is null ? null : new(activityId, activity, activity) { RecordType = ProgressRecordType.Completed, ParentActivityId = ParentId ?? -1 };
        shown = null;
        latest = null;
        return record;
    }

    private ProgressRecord Record(WorkProgress value, TimeSpan now)
    {
        if (origin?.Stage != value.Stage)
        {
            origin = (value.Stage, value.Done, now);
        }

        return new(activityId, activity, Text(value))
        {
            ParentActivityId = ParentId ?? -1, // PowerShell's word for none
            PercentComplete = value.Total is > 0 ? (int)Math.Clamp(100.0 * value.Done / value.Total.Value, 0, 100) : -1,
            SecondsRemaining = value.Total is long total ? SecondsRemaining(now - origin.Value.Time, value.Done - origin.Value.Done, total - value.Done) : -1,
        };
    }

    private static string Text(WorkProgress value)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        string done = value.Unit == WorkUnit.Byte
            ? string.Create(culture, $"{value.Done / SizeText.Megabyte:N0}{(value.Total is long size ? string.Create(culture, $" of {size / SizeText.Megabyte:N0}") : "")} MB")
            : string.Create(culture, $"{value.Unit.ToString().ToLowerInvariant()} {value.Done:N0}{(value.Total is long total ? string.Create(culture, $" of {total:N0}") : "")}");
        return $"{value.Stage}: {done}{(value.Item is null ? "" : $", {value.Item}")}";
    }

    // PowerShell's -1 is "not known": nothing of this stage is done yet.
    private static int SecondsRemaining(TimeSpan elapsed, long done, long left) =>
        done <= 0 ? -1 : (int)Math.Min(elapsed.TotalSeconds / done * left, int.MaxValue);
}
