using System.Diagnostics;
using System.Globalization;

namespace Lora.Bench;

/// <summary>
/// Runs checks in a process of their own, and those behind the one that ended it in another: an abort of libtorch, a card that a failed kernel leaves unusable or
/// work that never ends costs one check.
/// </summary>
/// <param name="start">The process for the checks behind so many, which has so long.</param>
/// <param name="time">How long all of it may take.</param>
/// <param name="most">How long one check may take, so that one that never ends leaves time to the others.</param>
/// <param name="patience">How much longer than the time for all a check may go on that does not look at the clock.</param>
/// <param name="found">Told of each finding as it comes.</param>
internal sealed class CheckProcess(Func<int, TimeSpan, ProcessStartInfo> start, TimeSpan time, TimeSpan most, TimeSpan patience, Action<Finding> found)
{
    /// <summary>The exit code of a process that asks for another one for the checks behind it.</summary>
    public const int Again = 75;

    // A process may fail at its start for what another one held a moment ago.
    private const int Starts = 3;

    // The reason of a failure comes first.
    private const int MostLines = 3;

    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly List<string> words = []; // of others than the checks, since the last one began
    private TimeSpan began; // the current check, or else the process
    private bool isStopped;
    private Finding? current;
    private int begun;

    /// <summary>Runs all of them.</summary>
    public void Run()
    {
        int starts = 0;
        int code;
        do
        {
            int before = begun;
            code = RunOne();
            if (code is not 0 and not Again && current is null)
            {
                current = new("", begun == 0 ? "the checks" : "the checks behind these", null, null, "", Outcome.Missed);
            }

            if (current is not null)
            {
                Tell(current with { Outcome = Outcome.Missed, Note = Reason(code) });
                current = null;
            }

            starts = begun > before ? 0 : starts + 1;
        }
        while (code != 0 && starts < Starts);
    }

    private string Reason(int code) => isStopped
        ? string.Create(CultureInfo.InvariantCulture, $"did not end: its process was stopped after {(clock.Elapsed - began).TotalSeconds:F0} s")
        : $"its process ended with exit code {code}";

    /// <summary>Runs the checks that were not begun, as far as a process comes.</summary>
    private int RunOne()
    {
        TimeSpan left = time > clock.Elapsed ? time - clock.Elapsed : TimeSpan.Zero;
        ProcessStartInfo information = start(begun, left);
        information.RedirectStandardError = true;
        using Process process = Process.Start(information)!;
        using CancellationTokenSource late = new(left + patience); // libtorch for cards may take long to load
        (began, isStopped) = (clock.Elapsed, false);
        using CancellationTokenRegistration stop = late.Token.Register(() =>
        {
            isStopped = true;
            process.Kill(entireProcessTree: true);
        });
        while (process.StandardError.ReadLine() is string line)
        {
            Hear(line, late);
        }

        process.WaitForExit();
        return process.ExitCode;
    }

    private void Hear(string line, CancellationTokenSource late)
    {
        switch (Finding.Of(line))
        {
            case { Outcome: Outcome.Begun } finding:
                begun++;
                began = clock.Elapsed;
                current = finding;
                words.Clear();
                late.CancelAfter(Shorter(most, time + patience - began));
                break;
            case { Outcome: Outcome.Ended }:
                current = null;
                break;
            case Finding finding:
                Tell(finding);
                break;
            case null when line.Trim().Length > 0:
                Console.Error.WriteLine(line);
                words.Add(line.Trim());
                break;
        }
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other > TimeSpan.Zero ? other : TimeSpan.Zero;

    // Operators that are called by name say why they failed on standard error alone.
    private void Tell(Finding finding) => found(finding with
    {
        Second = clock.Elapsed.TotalSeconds,
        Note = finding.Outcome == Outcome.Missed && words.Count > 0 ? $"{finding.Note} ({string.Join(" / ", words.Take(MostLines))})".TrimStart() : finding.Note,
    });
}
