using Lora.Kernels;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>
/// Adam with decoupled weight decay (arXiv 1711.05101) on one flat tensor, as torch.optim.AdamW computes it:
/// p *= 1 - lr·wd; m = β₁m + (1-β₁)g; v = β₂v + (1-β₂)g²; p -= lr/(1-β₁ᵗ) · m / (sqrt(v)/sqrt(1-β₂ᵗ) + ε).
/// </summary>
internal sealed class AdamW : IDisposable
{
    // torch.optim.AdamW's defaults.
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-8;

    private readonly Tensor values;
    private readonly Tensor gradients;
    private readonly double weightDecay;
    private readonly IKernels kernels;

    /// <param name="values">What is trained, [count]; changed in place.</param>
    /// <param name="gradients">Its gradients, [count].</param>
    /// <param name="weightDecay">The factor wd.</param>
    public AdamW(Tensor values, Tensor gradients, double weightDecay)
    {
        this.values = values;
        this.gradients = gradients;
        this.weightDecay = weightDecay;
        kernels = KernelSet.Of(values.device, values.dtype);

        // On the device of the values and float32, two numbers for each trained one.
        Mean = zeros_like(values).DetachFromDisposeScope();
        Variance = zeros_like(values).DetachFromDisposeScope();
    }

    /// <summary>Steps done; those that a run skipped are none.</summary>
    public int Steps { get; private set; }

    /// <summary>m, [count].</summary>
    public Tensor Mean { get; }

    /// <summary>v, [count].</summary>
    public Tensor Variance { get; }

    /// <summary>Goes on from another run's moments.</summary>
    public void Restore(Tensor mean, Tensor variance, int steps)
    {
        Mean.copy_(mean);
        Variance.copy_(variance);
        Steps = steps;
    }

    /// <summary>One step with the gradients as they are now.</summary>
    public void Step(double learningRate)
    {
        using IDisposable noGradient = no_grad();
        Steps++;

        // In double, once a step: 1 - 0.999 in float32 has lost three of its seven digits.
        double meanCorrection = 1 - Math.Pow(Beta1, Steps);
        double varianceCorrection = 1 - Math.Pow(Beta2, Steps);
        kernels.Adam(values, Mean, Variance, gradients, new(
            Decay: 1 - (learningRate * weightDecay),
            Beta1,
            Beta2,
            Rate: learningRate / meanCorrection,
            VarianceRoot: Math.Sqrt(varianceCorrection),
            Epsilon));
    }

    /// <summary>
    /// Takes the memory of a step and changes nothing: of zero gradients and moments, before the first step, at a rate of zero all values stay as they are.
    /// </summary>
    public void Rehearse()
    {
        using IDisposable noGradient = no_grad();
        kernels.Adam(values, Mean, Variance, gradients, new(Decay: 1, Beta1, Beta2, Rate: 0, VarianceRoot: 1, Epsilon));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Mean.Dispose();
        Variance.Dispose();
    }
}
