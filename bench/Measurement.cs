using System.Diagnostics;
using Lora.Native;

namespace Lora.Bench;

/// <summary>Seconds of repeated work: the median, and the spread as the smallest and the largest.</summary>
internal sealed record Measurement(double Median, double Smallest, double Largest)
{
    /// <summary>Runs something a few times without looking, then as often as asked.</summary>
    /// <param name="work">What is timed.</param>
    /// <param name="repetitions">How often.</param>
    /// <param name="warmUps">How often it is run before.</param>
    /// <param name="clock">The seconds of a run; null for the clock on the wall.</param>
    public static Measurement Of(Action work, int repetitions, int warmUps = 1, Func<Action, double>? clock = null)
    {
        for (int run = 0; run < warmUps; run++)
        {
            work();
        }

        return Of([.. Enumerable.Range(0, repetitions).Select(_ => (clock ?? Seconds)(work))]);
    }

    /// <summary>Runs something until so many seconds have gone by, once at least; the first run counts where there is no other.</summary>
    /// <param name="seconds">How many.</param>
    /// <param name="work">What is timed.</param>
    /// <param name="clock">The seconds of a run.</param>
    public static Measurement For(double seconds, Action work, Func<Action, double> clock)
    {
        double first = clock(work);
        List<double> others = [];
        while (first + others.Sum() < seconds)
        {
            others.Add(clock(work));
        }

        return Of(others.Count > 0 ? others : [first]);
    }

    /// <summary>Sums up times that were taken elsewhere.</summary>
    public static Measurement Of(IReadOnlyCollection<double> seconds)
    {
        double[] sorted = [.. seconds.Order()];
        return new(sorted[sorted.Length / 2], sorted[0], sorted[^1]);
    }

    /// <summary>Times several ways of doing the same in turn, so that a busy moment of the machine meets all of them.</summary>
    public static Measurement[] InTurn(IReadOnlyList<Action> ways, int repetitions, Func<Action, double>? clock = null)
    {
        double[][] seconds = [.. ways.Select(_ => new double[repetitions])];
        ways.ToList().ForEach(way => way());
        for (int run = 0; run < repetitions; run++)
        {
            for (int way = 0; way < ways.Count; way++)
            {
                seconds[way][run] = (clock ?? Seconds)(ways[way]);
            }
        }

        return [.. seconds.Select(Of)];
    }

    public static double Seconds(Action work)
    {
        long begin = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    /// <summary>The processor's time of work that is done on this thread alone, whatever else the machine does.</summary>
    public static double ThreadSeconds(Action work)
    {
        TimeSpan begin = ThreadClock.Now;
        work();
        return (ThreadClock.Now - begin).TotalSeconds;
    }

    /// <summary>Milliseconds as <c>median (smallest-largest)</c>.</summary>
    public string Milliseconds() => $"{Median * 1e3:G3} ({Smallest * 1e3:G3}-{Largest * 1e3:G3})";

    /// <summary>A rate of so much a run, as <c>median (lowest-highest)</c>.</summary>
    public string Rate(double amount) => $"{amount / Median:G4} ({amount / Largest:G4}-{amount / Smallest:G4})";
}
