using System.Globalization;
using System.Text.Json;
using Lora.Checkpoints;

namespace Lora.Bench;

/// <summary>What was found, as a table that grows and as one file that has all of it at any time.</summary>
/// <param name="path">The file; its folder is made.</param>
internal sealed class GpuReport(string path)
{
    private readonly DateTimeOffset begun = DateTimeOffset.UtcNow;
    private readonly string machine = Machine.Describe();
    private readonly List<Finding> all = [];
    private string part = "";
    private string? failure;

    /// <summary>Whether every figure that has a limit is within it, and nothing failed.</summary>
    public bool IsHeld => all.All(finding => finding.Outcome != Outcome.Missed);

    /// <summary>Since it began.</summary>
    public TimeSpan Elapsed => DateTimeOffset.UtcNow - begun;

    /// <summary>Takes a finding in.</summary>
    public void Add(Finding finding)
    {
        if (finding.Part != part)
        {
            part = finding.Part;
            Console.WriteLine($"\n{part}\n");
            Table.Head("what", "found", "at the most", "outcome");
        }

        all.Add(finding);
        Table.Row(finding.What, Text(finding), finding.Limit?.ToString("G3", CultureInfo.InvariantCulture) ?? "", finding.Outcome.ToString());
        Write(isComplete: false);
    }

    /// <summary>Writes that nothing comes any more, and says what came out.</summary>
    public void End()
    {
        Write(isComplete: true);
        Finding[] missed = [.. all.Where(finding => finding.Outcome == Outcome.Missed)];
        Finding[] left = [.. all.Where(finding => finding.Outcome == Outcome.Left)];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"\n{(IsHeld ? "All held" : $"NOT all held ({missed.Length} missed)")}, {left.Length} not run, {Elapsed.TotalSeconds:F0} s. {(failure is null ? $"Written to {path}" : $"NOT written to {path}: {failure}")}"));
        Array.ForEach(missed, finding => Console.WriteLine($"MISSED {finding.Part}: {finding.What}: {Text(finding)}"));
    }

    private void Write(bool isComplete)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            AtomicFile.Write(path, stream => JsonSerializer.Serialize(
                stream,
                new { Machine = machine, Date = begun, Seconds = Elapsed.TotalSeconds, IsComplete = isComplete, IsHeld, Findings = all },
                Finding.Json));
            failure = null;
        }
        catch (Exception exception) when (exception is LoraException or IOException or UnauthorizedAccessException)
        {
            // libtorch for cards fills small disks; the table is there all the same.
            failure = exception.Message;
        }
    }

    private static string Text(Finding finding) =>
        finding.Found is double found ? string.Create(CultureInfo.InvariantCulture, $"{found:G4} {finding.Note}").Trim() : finding.Note;
}
