using Lora.Tests.Training;

namespace Lora.Tests.Generation;

/// <summary>What a generator leaves of the process's tensors; no other test may run beside it.</summary>
[Collection(nameof(DevicePurityTests))]
public class GeneratorTensorTests
{
    private static readonly GeneratorOptions OnCpu = new() { Device = "cpu" };
    private static readonly GenerationOptions Short = new() { MaxToken = 24 };

    [Fact]
    public void A_generation_leaves_no_tensor_and_neither_does_the_generator()
    {
        using (LoraGenerator generator = LoraGenerator.Load(ExampleRun.Model, options: OnCpu))
        {
            generator.Generate([LoraPrompt.Of("The fox")], Short);
            Assert.Equal(0, LiveTensors.Growth(() => generator.Generate([LoraPrompt.Of("The fox"), LoraPrompt.Of("A")], Short)));
        }

        // A parameter stays counted though it has no memory, so a generator that was used is compared with one that was not.
        long unused = LiveTensors.Growth(() => LoraGenerator.Load(ExampleRun.Model, options: OnCpu).Dispose());
        Assert.Equal(unused, LiveTensors.Growth(() =>
        {
            using LoraGenerator generator = LoraGenerator.Load(ExampleRun.Model, options: OnCpu);
            generator.Generate([LoraPrompt.Of("The fox"), LoraPrompt.Of("A")], Short);
        }));
    }
}
