using Lora.Models;
using Lora.Tests.Training;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>By itself, since all tensors of the process are counted.</summary>
[Collection(nameof(DevicePurityTests))]
public class DecoderTensorTests
{
    [Fact]
    public void The_modules_leave_nothing_of_a_step_and_nothing_of_the_decoder()
    {
        using CausalLanguageModel model = GoldenFamily.Open("qwen3_moe").Load();
        using (ModuleDecoder once = new(model))
        {
            once.Read([1, 2, 3]);
        }

        Assert.Equal(0, LiveTensors.Growth(() =>
        {
            using ModuleDecoder decoder = new(model);
            decoder.Read([1, 2, 3]);
            decoder.Read([4]);
            long before = Tensor.TotalCount;
            decoder.Step([5, 6]);
            Assert.Equal(before, Tensor.TotalCount);
            decoder.Keep([1]);
            decoder.Step([7]);
            Assert.Equal(before, Tensor.TotalCount);
        }));
    }

    [Fact]
    public void Vector_code_leaves_nothing_of_a_step_and_nothing_of_the_decoder()
    {
        using CausalLanguageModel model = GoldenFamily.Open("llama3").Load();
        using (IDecoder first = DecoderChecks.Direct(model, DirectChanges.None))
        {
            first.Read([1, 2, 3]); // the model joins its weights and makes its angles once
        }

        Assert.Equal(0, LiveTensors.Growth(() =>
        {
            using IDecoder decoder = DecoderChecks.Direct(model, DirectChanges.None);
            decoder.Read([1, 2, 3]);
            decoder.Read([4]);
            decoder.Step([5, 6]);
            long before = Tensor.TotalCount;
            decoder.Step([7, 8]);
            decoder.Keep([1]);
            decoder.Step([9]);
            Assert.Equal(before, Tensor.TotalCount);
        }));
    }
}
