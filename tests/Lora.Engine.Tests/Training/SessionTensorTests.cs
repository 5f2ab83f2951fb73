using Lora.Models;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>What a session leaves of the process's tensors; no other test may run beside it.</summary>
[Collection(nameof(DevicePurityTests))]
public class SessionTensorTests
{
    [Fact]
    public void No_tensor_outlives_a_session()
    {
        LoraConfig config = ExampleRun.Config with { Bias = LoraBias.All, UseLoraBias = true, Dropout = 0.1 };
        long loading = LiveTensors.Growth(() =>
        {
            UnusedTensors.Warning(ExampleRun.Model, ModelConfigReader.Read(ExampleRun.Model)); // it asks a model of META tensors for their names
            ModelLoader.Load(ExampleRun.Model, CPU, ScalarType.Float32).Dispose();
        });
        int parameters = 0;
        long training = LiveTensors.Growth(() =>
            parameters = ExampleRun.Train(config, ExampleRun.Options with { Prompt = ["Tell me"], PromptToken = 3 }).Adapter!.Tensors.Count);

        Assert.Equal(loading + parameters, training);
    }

    [Fact]
    public void A_step_leaves_no_tensor_behind()
    {
        List<long> counts = [];
        ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { MaxStep = 6 }, new RecordingObserver(_ => counts.Add(Tensor.TotalCount)));

        Assert.Single(counts.Skip(1).Distinct());
    }
}
