using System.Diagnostics;
using Lora.Native;

namespace Lora.Tests.Native;

public class ThreadClockTests
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(200);

    [Fact]
    public void A_thread_that_waits_takes_no_time()
    {
        TimeSpan begun = ThreadClock.Now;
        Stopwatch wall = Stopwatch.StartNew();
        Thread.Sleep(Moment);
        Assert.InRange(ThreadClock.Now - begun, TimeSpan.Zero, wall.Elapsed / 4);
    }

    [Fact]
    public void A_thread_that_computes_takes_the_time_that_it_has_a_processor()
    {
        TimeSpan begun = ThreadClock.Now;
        Stopwatch wall = Stopwatch.StartNew();
        while (ThreadClock.Now - begun < Moment)
        {
            // A clock that stood still would never let this end; one that runs too fast shows below.
            Assert.True(wall.Elapsed < 300 * Moment, "The clock stands still.");
        }

        Assert.True(wall.Elapsed > 0.9 * Moment, $"The clock is ahead of {wall.Elapsed}.");
    }
}
