using Lora.Adapters;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>The adapters of earlier moments, each held to a run that ends there: the rate is constant.</summary>
public sealed class AdapterCheckpointsTests : IDisposable
{
    private static readonly TrainingOptions Options = ExampleRun.Options with { MaxStep = 7, SaveStep = 2, SaveLimit = 2 };

    private readonly TemporaryFolder folder = new();

    private string Run => folder.File("run");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void As_many_as_were_asked_for_are_kept_and_each_is_the_adapter_of_its_step()
    {
        List<string> seen = [];
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = Run }, new RecordingObserver(_ => seen.Add(string.Join(' ', Kept()))));

        Assert.Equal(["", "2", "2", "2 4", "2 4", "4 6", "4 6"], seen);
        Assert.Equal([4, 6], Kept());
        Assert.All(Kept(), step => Assert.Equal(
            ExampleRun.Values(ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { MaxStep = step }).Adapter!),
            ExampleRun.Values(AdapterFolder.Load(Path.Combine(Run, AdapterCheckpoints.NameOf(step))))));
        Assert.Equal(ExampleRun.Values(result.Adapter!), ExampleRun.Values(AdapterFolder.Load(Run)));
    }

    [Fact]
    public void Minutes_save_as_steps_do()
    {
        TrainingOptions options = Options with { SaveStep = null, SaveMinute = 1e-9, OutputPath = Run };
        bool isState = false;
        ExampleRun.Train(ExampleRun.Config, options, new RecordingObserver(_ => isState |= TrainingStateFile.IsThere(Run)));
        Assert.Equal([6, 7], Kept());
        Assert.True(isState);

        ExampleRun.Train(ExampleRun.Config, options with { SaveMinute = 1000, Overwrite = true });
        Assert.Empty(Kept()); // none was due; those of the run before are gone with its adapter
    }

    [Fact]
    public void A_stopped_run_goes_on_with_its_adapters()
    {
        using CancellationTokenSource cancellation = new();
        ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = Run }, new RecordingObserver(step =>
        {
            if (step.Step == 5)
            {
                cancellation.Cancel();
            }
        }), cancellation.Token);
        Assert.Equal([2, 4], Kept());

        // As a process leaves it that is killed after it has written one and before it has written the state.
        folder.Copy("run/checkpoint-000002", "run/checkpoint-000006");
        Directory.CreateDirectory(Path.Combine(Run, ".checkpoint-000009.abcdefgh.ijk.tmp"));
        ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = Run, Resume = true });

        Assert.Equal([4, 6], Kept());
        Assert.Equal(
            ExampleRun.Values(ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { MaxStep = 6 }).Adapter!),
            ExampleRun.Values(AdapterFolder.Load(Path.Combine(Run, AdapterCheckpoints.NameOf(6)))));
        Assert.Empty(Directory.GetDirectories(Run, ".*"));
    }

    [Fact]
    public void What_is_not_ours_stays()
    {
        Directory.CreateDirectory(folder.File("run/checkpoint-000001"));
        Directory.CreateDirectory(folder.File("run/checkpoint-best"));
        folder.Write("run/checkpoint-000001/notes.txt", "mine");
        folder.Write("run/checkpoint-best/adapter_config.json", "{}");
        ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = Run, SaveLimit = 1, SaveStep = 1 });

        Assert.Equal([1, 7], Kept());
        Assert.True(File.Exists(folder.File("run/checkpoint-000001/notes.txt")));
        Assert.True(File.Exists(folder.File("run/checkpoint-best/adapter_config.json")));
    }

    [Fact]
    public void What_a_process_left_that_was_killed_while_it_removed_one_goes()
    {
        Directory.CreateDirectory(folder.File("run/checkpoint-000001"));
        Directory.CreateDirectory(folder.File("run/checkpoint-000002"));
        folder.Write("run/checkpoint-000002/adapter_config.json", "{}");
        ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = Run, SaveLimit = 1, SaveStep = 3 });

        Assert.Equal([6], Kept());
    }

    [Fact]
    public void A_limit_of_nothing_is_refused()
    {
        LoraException exception = Assert.Throws<LoraException>(() => ExampleRun.Train(ExampleRun.Config, Options with { SaveStep = null, OutputPath = Run }));
        Assert.Equal(LoraError.ConfigValueInvalid, Assert.Single(exception.Problems).Error);
        exception = Assert.Throws<LoraException>(() => ExampleRun.Train(ExampleRun.Config, Options with { SaveMinute = -1, SaveLimit = 0 }));
        Assert.Equal(4, exception.Problems.Count); // two values, and neither has a folder
    }

    private int[] Kept() => !Directory.Exists(Run) ? [] :
        [.. Directory.GetDirectories(Run, "checkpoint-0*").Select(path => int.Parse(Path.GetFileName(path)["checkpoint-".Length..], System.Globalization.CultureInfo.InvariantCulture)).Order()];
}
