using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

public class AdamWTests
{
    [Fact]
    public void Ten_steps_equal_torch_s_own_AdamW()
    {
        // Both in float32 with the same order of operations but for the mean's, so a few units in the last place.
        const double Tolerance = 1e-6;
        using DisposeScope scope = NewDisposeScope();
        Generator generator = new(3, CPU);
        Tensor start = randn(50, device: CPU, generator: generator);
        Parameter reference = new(start.clone());
        using optim.Optimizer torchs = optim.AdamW([reference], 1e-2, weight_decay: 0.1);
        Tensor values = start.clone();
        Tensor gradients = zeros_like(values);
        using Lora.Training.AdamW ours = new(values, gradients, weightDecay: 0.1);
        for (int step = 0; step < 10; step++)
        {
            Tensor gradient = randn(50, device: CPU, generator: generator);
            reference.grad = gradient.clone();
            torchs.step();
            gradients.copy_(gradient);
            ours.Step(1e-2);
        }

        Assert.InRange(Closeness.Largest(values, reference.detach()), 0, Tolerance);
    }
}
