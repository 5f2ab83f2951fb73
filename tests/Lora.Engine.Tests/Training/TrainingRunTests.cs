using Lora.Adapters;
using Lora.Kernels;
using Lora.Models;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>What a run says of the operators that compute it, before they do.</summary>
[Collection(nameof(TrainingSessionTests))]
public class TrainingRunTests
{
    private static readonly TrainingOptions Options = ExampleRun.Options with { MaxStep = 2 };

    [Fact]
    public void It_says_what_computes_its_attention_where_there_is_a_choice()
    {
        RecordingObserver half = new();
        RecordingObserver single = new();
        ExampleRun.Train(ExampleRun.Config, Options with { DataType = TrainingDataType.Float16 }, half);
        ExampleRun.Train(ExampleRun.Config, Options, single);

        Assert.InRange(half.Stages.IndexOf("Attention by aten::_scaled_dot_product_flash_attention_for_cpu"), 0, half.Stages.FindIndex(IsBegin) - 1);
        Assert.DoesNotContain(half.Stages, stage => stage.StartsWith("Norms", StringComparison.Ordinal)); // a processor has no other
        Assert.DoesNotContain(single.Stages, stage => stage.StartsWith("Attention", StringComparison.Ordinal)); // vector code
    }

    /// <summary>A device of another maker's has none of the whole operators; a run on it computes the same by plain ones, and says each by its name.</summary>
    [Fact]
    public void What_the_device_does_not_run_falls_back_by_name_before_anything_is_computed_and_the_run_learns_the_same()
    {
        RecordingObserver observer = new();
        LoraTrainingResult found = Train(new(IsCuda: false, Generation: null, IsWindows: false, HasRepeatableAlgorithms: false), observer);
        LoraTrainingResult expected = ExampleRun.Train(ExampleRun.Config, Options);

        string[] said = [.. observer.Stages.TakeWhile(stage => !IsBegin(stage))];
        Assert.Contains("Attention by plain products (aten::_flash_attention_forward: there is no NVIDIA card; aten::_efficient_attention_forward: there is no NVIDIA card)", said);
        Assert.Contains("Norms by formulas (aten::_fused_rms_norm: there is no NVIDIA card)", said);
        Assert.Equal(expected.History.Select(step => step.Loss), found.History.Select(step => step.Loss), Closeness.To(decimals: 4));
        Assert.Equal(expected.After!.Loss, found.After!.Loss, 1e-4);
    }

    // What is computed first.
    private static bool IsBegin(string stage) => stage.StartsWith("Rehearsing", StringComparison.Ordinal);

    private static LoraTrainingResult Train(CardFacts card, RecordingObserver observer)
    {
        TrainingPlan plan = TrainingPlan.Make(ExampleRun.Config, ExampleRun.Data, Options).On(TorchSharp.DeviceType.CPU, ScalarType.Float32, Options);
        using LoadedModel loaded = LoadedModel.Load(new(plan.Folder, plan.Weights, ExampleRun.Data, Options), observer, CancellationToken.None);
        return new TrainingRun(plan, loaded, Options, observer, Choose, CancellationToken.None).Execute();

        (IStepEngine, string?) Choose(TaskModel model, IEnumerable<AdaptedLayer> layers) =>
            (new FusedStep(((CausalLanguageModel)model).Fused, LinearFactors.Of(layers).Factors!, new TorchKernels(card: card)), null);
    }
}
