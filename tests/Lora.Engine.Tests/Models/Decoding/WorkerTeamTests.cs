using Lora.Models;

namespace Lora.Tests.Models;

public class WorkerTeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void None_goes_on_before_all_have_come(int count)
    {
        using WorkerTeam team = new(count);
        int[] done = new int[count];
        for (int work = 1; work <= 20; work++)
        {
            team.Run(worker =>
            {
                for (int meeting = 0; meeting < 50; meeting++)
                {
                    done[worker]++;
                    team.Meet();
                    Assert.Equal(done[worker], done.Min());
                    team.Meet();
                }
            });
            Assert.All(done, times => Assert.Equal(work * 50, times));
        }
    }

    [Fact]
    public void Those_that_fell_asleep_are_woken()
    {
        using WorkerTeam team = new(3);
        int done = 0;
        for (int work = 0; work < 3; work++)
        {
            team.Run(_ => Interlocked.Increment(ref done));
            Thread.Sleep(30);
        }

        Assert.Equal(9, done);
    }

    [Fact]
    public void A_failure_of_one_ends_the_work_of_all_and_the_next_work_is_done()
    {
        using WorkerTeam team = new(3);
        Assert.Throws<InvalidOperationException>(() => team.Run(worker =>
        {
            if (worker == 1)
            {
                throw new InvalidOperationException();
            }

            team.Meet();
        }));
        int done = 0;
        team.Run(_ =>
        {
            team.Meet();
            Interlocked.Increment(ref done);
        });
        Assert.Equal(3, done);
    }

    [Theory]
    [InlineData(1, 10)]
    [InlineData(3, 10)]
    [InlineData(4, 2)]
    public void The_shares_are_all_rows_and_none_twice(int count, int rows)
    {
        using WorkerTeam team = new(count);
        Assert.Equal(Enumerable.Range(0, rows), Enumerable.Range(0, count).SelectMany(worker =>
        {
            (long begin, long end) = team.Share(worker, rows);
            return Enumerable.Range((int)begin, (int)(end - begin));
        }));
    }

    [Fact]
    public void All_that_sleep_are_woken_however_soon_others_are_through_and_sleep_again()
    {
        using WorkerTeam team = new(6);
        int done = 0;
        for (int run = 0; run < 60; run++)
        {
            // The first is longer at work than the others have patience, so that they sleep before it is through.
            team.Run(worker =>
            {
                Interlocked.Increment(ref done);
                Thread.Sleep(worker == 0 ? 4 : 0);
            });
        }

        Assert.Equal(60 * 6, done);
    }
}
