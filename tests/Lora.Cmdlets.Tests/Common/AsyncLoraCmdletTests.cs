using System.Management.Automation;

namespace Lora.Commands.Tests.Common;

public sealed class AsyncLoraCmdletTests : IDisposable
{
    private readonly HostedShell shell = HostedShell.With("Invoke-Work", typeof(InvokeWorkCommand));

    public void Dispose() => shell.Dispose();

    [Fact]
    public void What_the_worker_says_arrives_in_order_on_the_streams()
    {
        ShellResult result = Run((worker, _) =>
        {
            worker.Write(new PipelineRecord.Output(1));
            worker.Write(new PipelineRecord.Warning("careful"));
            worker.Write(new PipelineRecord.Progress(new ProgressRecord(1, "work", "step")));
            worker.Write(new PipelineRecord.Failure(LoraException.Of(LoraError.PathNotFound, "x", "x")));
            worker.Write(new PipelineRecord.Output(2));
        });

        Assert.Equal(["1", "2"], result.Texts);
        Assert.Equal(["careful"], result.Warnings);
        Assert.Equal("step", Assert.Single(result.Progress).StatusDescription);
        Assert.Equal(["LoraPathNotFound,Lora.Commands.Tests.Common.InvokeWorkCommand"], result.ErrorIds);
    }

    [Fact]
    public void The_work_runs_on_another_thread_than_the_pipeline()
    {
        int thread = 0;
        Run((_, _) => thread = Environment.CurrentManagedThreadId);

        Assert.NotEqual(0, thread);
        Assert.NotEqual(Environment.CurrentManagedThreadId, thread);
    }

    [Fact]
    public void A_failure_of_the_engine_ends_the_command_with_its_id()
    {
        shell.With("work", (Action<PipelineWorker, CancellationToken>)((_, _) => throw LoraException.Of(LoraError.LossNotFinite, 3, 3, "loss", "NaN", 3, "line 1")));
        ErrorRecord error = (ErrorRecord)shell.Run("try { Invoke-Work -Work $work } catch { $_ }").Output.Single().BaseObject;

        Assert.Equal("LoraLossNotFinite,Lora.Commands.Tests.Common.InvokeWorkCommand", error.FullyQualifiedErrorId);
        Assert.Equal(ErrorCategory.InvalidResult, error.CategoryInfo.Category);
    }

    [Fact]
    public void An_unforeseen_exception_reaches_the_pipeline_by_a_name_of_its_own()
    {
        ShellResult result = Run((_, _) => throw new InvalidOperationException("bug"));

        Assert.Equal(["LoraUnexpected,Lora.Commands.Tests.Common.InvokeWorkCommand"], result.ErrorIds);
        Assert.Contains("Invoke-Work failed in a way that was not foreseen: InvalidOperationException: bug", Assert.Single(result.Errors).Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_shell_throws_through_a_command_keeps_its_meaning()
    {
        shell.With("work", (Action<PipelineWorker, CancellationToken>)((worker, _) => Enumerable.Range(1, 3).ToList().ForEach(number => worker.Write(new PipelineRecord.Output(number)))));
        Assert.Equal(["1", "after"], shell.Run("foreach ($i in 1) { Invoke-Work -Work $work | ForEach-Object { $_; break } }; 'after'").Texts);
    }

    [Fact]
    public void A_stream_of_objects_waits_for_a_slow_pipeline_and_keeps_its_order()
    {
        int given = 0, most = 0;
        shell.With("seen", (Action<int>)(number => most = Math.Max(most, Volatile.Read(ref given) - number)));
        shell.With("work", (Action<PipelineWorker, CancellationToken>)((worker, _) =>
        {
            for (int number = 1; number <= 2000; number++)
            {
                worker.WriteNext(number);
                Volatile.Write(ref given, number);
            }
        }));

        ShellResult result = shell.Run("Invoke-Work -Work $work | ForEach-Object { $seen.Invoke($_); $_ }").Succeeded();

        Assert.Equal(Enumerable.Range(1, 2000).Select(number => $"{number}"), result.Texts);
        Assert.InRange(most, 1, 300);
    }

    [Fact]
    public void Stopping_the_pipeline_cancels_the_work_and_waits_for_it()
    {
        using ManualResetEvent started = new(initialState: false);
        bool ended = false;
        shell.With("work", (Action<PipelineWorker, CancellationToken>)((_, token) =>
        {
            started.Set();
            token.WaitHandle.WaitOne();
            Thread.Sleep(50);
            ended = true;
            token.ThrowIfCancellationRequested();
        }));

        ShellResult result = shell.RunAndStop("Invoke-Work -Work $work", started);

        Assert.True(ended);
        Assert.Equal(PSInvocationState.Stopped, result.State);
    }

    [Theory]
    [InlineData("Invoke-Work -Work $work", true)]
    [InlineData("Invoke-Work -Work $work -WarningAction SilentlyContinue", false)]
    [InlineData("$WarningPreference = 'SilentlyContinue'; Invoke-Work -Work $work", false)]
    public void The_last_word_of_work_that_is_stopped_is_seen_where_warnings_are(string script, bool isSeen)
    {
        using ManualResetEvent started = new(initialState: false);
        shell.With("work", (Action<PipelineWorker, CancellationToken>)((worker, token) =>
        {
            worker.LastWord = "stopped after step 3";
            started.Set();
            token.WaitHandle.WaitOne();
            worker.LastWord += ", kept";
        }));

        ShellResult result = shell.RunAndStop(script, started);

        Assert.Equal(PSInvocationState.Stopped, result.State);
        Assert.Equal(isSeen, shell.Seen.Contains("WARNING: stopped after step 3, kept", StringComparison.Ordinal));
    }

    [Fact]
    public void Work_that_is_done_has_no_last_word()
    {
        Run((worker, _) => worker.LastWord = "stopped");

        Assert.DoesNotContain("stopped", shell.Seen, StringComparison.Ordinal);
    }

    [Fact]
    public void How_far_the_work_came_is_shown_and_the_bar_taken_away()
    {
        ShellResult result = Run((worker, _) =>
        {
            worker.Report(new("Working", 1, 4, WorkUnit.Batch));
            worker.Report(new("Working", 4, 4, WorkUnit.Batch));
        });

        Assert.Equal(
            [("Working: batch 4 of 4", ProgressRecordType.Processing), ("work", ProgressRecordType.Completed)],
            result.Progress.Select(record => (record.StatusDescription, record.RecordType)));
    }

    [Fact]
    public void The_bar_is_taken_away_after_a_failure_too()
    {
        ShellResult result = Run((worker, _) =>
        {
            worker.Report(new("Working", 1, 4, WorkUnit.Batch));
            throw new InvalidOperationException("bug");
        });

        Assert.Equal(ProgressRecordType.Completed, result.Progress[^1].RecordType);
    }

    [Fact]
    public void A_pipeline_that_has_enough_cancels_the_work_and_waits_for_it()
    {
        bool cancelled = false;
        shell.With("work", (Action<PipelineWorker, CancellationToken>)((worker, token) =>
        {
            worker.Write(new PipelineRecord.Output(1));
            cancelled = token.WaitHandle.WaitOne(TimeSpan.FromSeconds(20));
        }));

        ShellResult result = shell.Run("foreach ($once in 1) { Invoke-Work -Work $work | ForEach-Object { $_; break } }");

        Assert.Equal(["1"], result.Texts);
        Assert.True(cancelled);
    }

    private ShellResult Run(Action<PipelineWorker, CancellationToken> work) => shell.With("work", work).Run("Invoke-Work -Work $work");
}
