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
        using (ThreadCount.Use(before + 1))
        {
            Assert.Equal(before + 1, get_num_threads());
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
        LoraTrainingResult three = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { Thread = 3 }, new RecordingObserver(_ => threads.Add(get_num_threads())));

        Assert.Equal([1, 3], threads.Distinct());
        Assert.Equal(before, get_num_threads());
        Assert.Equal(ExampleRun.Values(one.Adapter!), ExampleRun.Values(three.Adapter!));
    }

    private static int OnAnotherThread()
    {
        int count = 0;
        Thread thread = new(() => count = get_num_threads());
        thread.Start();
        thread.Join();
        return count;
    }
}
