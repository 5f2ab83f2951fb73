using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>
/// Whole runs with META as the default device: load, continue a prompt, evaluate, train, keep the state, stop, resume, evaluate, continue. What
/// makes a tensor without naming its device fails there, or comes to other values than with the CPU as the default.
/// </summary>
[Collection(nameof(DevicePurityTests))]
public class WholeRunPurityTests
{
    private static readonly Dictionary<string, (LoraConfig Config, TrainingOptions Options)> Runs = new()
    {
        ["fused"] = (ExampleRun.Config, new()),
        ["fused, computed again"] = (ExampleRun.Config, new() { Checkpointing = LoraCheckpointing.Full }),
        ["fused, prefix in memory"] = (ExampleRun.Config with { LayersToTransform = [2, 3] }, new() { PrefixCache = LoraPrefixCache.Memory }),
        ["fused, prefix on disk"] = (ExampleRun.Config with { LayersToTransform = [2, 3] }, new() { PrefixCache = LoraPrefixCache.Disk }),
        ["fused, 4 bits"] = (ExampleRun.Config, new() { Quantization = LoraQuantization.NF4 }),
        ["fused, float16, 4 bits"] = (ExampleRun.Config, new() { DataType = TrainingDataType.Float16, Quantization = LoraQuantization.NF4 }),
        ["dropout, float16"] = (ExampleRun.Config with { Dropout = 0.1 }, new() { DataType = TrainingDataType.Float16 }),
        ["DoRA, float16, 4 bits"] = (ExampleRun.Config with { UseDora = true }, new() { DataType = TrainingDataType.Float16, Quantization = LoraQuantization.NF4 }),
    };

    /// <summary>The names of the runs.</summary>
    public static TheoryData<string> Names => [.. Runs.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_whole_run_makes_no_tensor_on_an_unnamed_device(string name)
    {
        LoraTrainingResult expected = StopAndResume(name);
        LoraTrainingResult actual = WithMetaAsDefault(() => StopAndResume(name));

        Assert.Equal(expected.History.Select(step => step.Loss), actual.History.Select(step => step.Loss));
        Assert.Equal((expected.Before, expected.After, expected.Sample[0].Base, expected.Sample[0].Adapted), (actual.Before, actual.After, actual.Sample[0].Base, actual.Sample[0].Adapted));
        Assert.Equal(ExampleRun.Values(expected.Adapter!), ExampleRun.Values(actual.Adapter!));
    }

    /// <summary>A CPU has kernels of its own; these are the ones that a GPU has.</summary>
    [Theory]
    [InlineData(ScalarType.Float32, LoraQuantization.None)]
    [InlineData(ScalarType.Float32, LoraQuantization.NF4)]
    [InlineData(ScalarType.BFloat16, LoraQuantization.NF4)]
    public void A_step_by_the_kernels_of_a_GPU_makes_no_tensor_on_an_unnamed_device(ScalarType type, LoraQuantization quantization)
    {
        double[] expected = Losses();

        Assert.Equal(expected, WithMetaAsDefault(Losses));

        double[] Losses()
        {
            using DisposeScope scope = NewDisposeScope();
            Models.FusedStepCase run = new("llama3", type, ["model.layers.0.self_attn.k_proj", "model.layers.1.mlp.up_proj", "lm_head"], quantization);
            using FusedStep step = run.Fused(new Lora.Kernels.TorchKernels());
            return [run.Loss(step), step.SumLoss(run.Batch, run.Rows).Loss, run.Adapter.Arena.Gradients.norm().ToDouble()];
        }
    }

    private static LoraTrainingResult StopAndResume(string name)
    {
        using TemporaryFolder folder = new();
        using CancellationTokenSource cancellation = new();
        (LoraConfig config, TrainingOptions options) = Runs[name];
        options = options with
        {
            Device = "cpu",
            MaxStep = 2,
            MaxLength = 64,
            BatchSize = 2,
            LearningRate = 5e-3,
            Prompt = ["Once"],
            PromptToken = 2,
            OutputPath = folder.File("run"),
            SaveStep = 1,
            Resume = true,
        };
        ExampleRun.Train(config, options, new RecordingObserver(step => (step.Step == 1 ? cancellation : null)?.Cancel()), cancellation.Token);
        return ExampleRun.Train(config, options);
    }

    private static T WithMetaAsDefault<T>(Func<T> work)
    {
        set_default_device(META);
        try
        {
            return work();
        }
        finally
        {
            set_default_device(CPU);
        }
    }
}
