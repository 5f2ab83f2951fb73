using Lora.Export;
using Lora.Native;
using Lora.Tests.Training;
using static TorchSharp.torch;

namespace Lora.Tests.Native;

public sealed class ThreadCountTests
{
    [Fact]
    public void It_holds_on_this_thread_until_it_is_disposed_and_on_no_other()
    {
        int before = get_num_threads();
        int asked = Another(before);
        using (ThreadCount.Use(asked))
        {
            Assert.Equal(asked, get_num_threads());
            Assert.Equal(before, OnAnotherThread());
        }

        Assert.Equal(before, get_num_threads());
        Assert.Equal(before, OnAnotherThread());
    }

    [Fact]
    public void A_run_has_the_threads_that_it_asks_for_and_the_bytes_of_any_other()
    {
        int before = get_num_threads();
        List<int> threads = [];
        LoraTrainingResult one = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { Thread = 1 }, new RecordingObserver(_ => threads.Add(get_num_threads())));
        LoraTrainingResult most = ExampleRun.Train(
            ExampleRun.Config, ExampleRun.Options with { Thread = Environment.ProcessorCount }, new RecordingObserver(_ => threads.Add(get_num_threads())));

        Assert.Equal(new[] { 1, Environment.ProcessorCount }.Distinct(), threads.Distinct());
        Assert.Equal(before, get_num_threads());
        Assert.Equal(ExampleRun.Values(one.Adapter!), ExampleRun.Values(most.Adapter!));
    }

    /// <summary>libtorch ends the process when the system has no room for as many threads as this.</summary>
    [Fact]
    public void There_are_never_more_than_processors()
    {
        using ThreadCount threads = ThreadCount.Use(1_000_000);
        Assert.Equal(Environment.ProcessorCount, get_num_threads());
    }

    [Fact]
    public void A_merge_has_the_threads_that_it_asks_for()
    {
        using TemporaryFolder files = new();
        LoraAdapter adapter = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { MaxStep = 1 }).Adapter!;
        int before = get_num_threads();
        int asked = Another(before);
        Observed threads = new();

        ModelMerge.Write(adapter, ExampleRun.Model, files.File("merged"), new() { Thread = asked }, threads);

        Assert.Equal([asked], threads.Counts.Distinct());
        Assert.Equal(before, get_num_threads());
    }

    private sealed class Observed : IProgress<WorkProgress>
    {
        public List<int> Counts { get; } = [];

        public void Report(WorkProgress value) => Counts.Add(get_num_threads());
    }

    // A number that the processor has; on one core there is no other.
    private static int Another(int count) => count == 1 ? Math.Min(2, Environment.ProcessorCount) : 1;

    private static int OnAnotherThread()
    {
        int count = 0;
        Thread thread = new(() => count = get_num_threads());
        thread.Start();
        thread.Join();
        return count;
    }
}
