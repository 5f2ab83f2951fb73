namespace Lora.Commands.Tests.Common;

/// <summary>Cancels every worker of the process, and so runs when no other test does.</summary>
[CollectionDefinition(nameof(RunningWorkersTests), DisableParallelization = true)]
[Collection(nameof(RunningWorkersTests))]
public sealed class RunningWorkersTests
{
    [Fact]
    public void A_process_that_exits_cancels_the_work_and_waits_until_it_has_ended()
    {
        using ManualResetEvent started = new(initialState: false);
        bool ended = false;
        using PipelineWorker worker = new((_, token) =>
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
