namespace Lora.Commands.Tests.Common;

/// <summary>Cancels every worker of the process, and so runs when no other test does.</summary>
[CollectionDefinition(nameof(RunningWorkersTests), DisableParallelization = true)]
[Collection(nameof(RunningWorkersTests))]
public sealed class RunningWorkersTests
{
    [Fact]
    public void Work_at_the_same_time_has_bars_of_its_own_and_later_work_the_first_again()
    {
        int[] together = Ids(2);
        int[] later = Ids(1);

        Assert.Equal(2, together.Distinct().Count());
        Assert.Equal(together[0], later[0]);

        static int[] Ids(int count)
        {
            PipelineWorker[] workers = [.. Enumerable.Range(0, count).Select(_ => new PipelineWorker("work", (self, _) => self.Report(new("Working", 1, 1, WorkUnit.Step))))];
            List<int> ids = [];
            foreach (PipelineWorker worker in workers)
            {
                worker.Run(record => ids.Add(((PipelineRecord.Progress)record).Value.ActivityId));
            }

            Array.ForEach(workers, worker => worker.Dispose());
            return [.. ids.Distinct()];
        }
    }

    [Fact]
    public void A_process_that_exits_cancels_the_work_and_waits_until_it_has_ended()
    {
        using ManualResetEvent started = new(initialState: false);
        bool ended = false;
        using PipelineWorker worker = new("work", (_, token) =>
        {
            started.Set();
            token.WaitHandle.WaitOne();
            Thread.Sleep(50);
            ended = true;
        });
        Thread pipeline = new(() => worker.Run(_ => { }));
        pipeline.Start();
        started.WaitOne();

        RunningWorkers.CancelAll();

        Assert.True(ended);
        pipeline.Join();
    }
}
