using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>
/// Adam with decoupled weight decay (arXiv 1711.05101) on one flat tensor, in the order of operations of torch.optim.AdamW:
/// p *= 1 - lr·wd; m = β₁m + (1-β₁)g; v = β₂v + (1-β₂)g²; p -= lr/(1-β₁ᵗ) · m / (sqrt(v)/sqrt(1-β₂ᵗ) + ε).
/// </summary>
internal sealed class AdamW : IDisposable
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-8;

    private readonly Tensor values;
    private readonly Tensor gradients;
    private readonly Tensor mean;
    private readonly Tensor variance;
    private readonly double weightDecay;
    private int steps;

    /// <param name="values">What is trained, [count]; changed in place.</param>
    /// <param name="gradients">Its gradients, [count].</param>
    /// <param name="weightDecay">The factor wd.</param>
    public AdamW(Tensor values, Tensor gradients, double weightDecay)
    {
        this.values = values;
        this.gradients = gradients;
        this.weightDecay = weightDecay;
        mean = zeros_like(values).DetachFromDisposeScope();
        variance = zeros_like(values).DetachFromDisposeScope();
    }

    /// <summary>One step with the gradients as they are now.</summary>
    public void Step(double learningRate)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        steps++;
        double meanCorrection = 1 - Math.Pow(Beta1, steps);
        double varianceCorrection = 1 - Math.Pow(Beta2, steps);
        values.mul_(1 - (learningRate * weightDecay));
        mean.mul_(Beta1).add_(gradients, alpha: 1 - Beta1);
        variance.mul_(Beta2).addcmul_(gradients, gradients, 1 - Beta2);
        Tensor denominator = variance.sqrt().div_(Math.Sqrt(varianceCorrection)).add_(Epsilon);
        values.addcdiv_(mean, denominator, -learningRate / meanCorrection);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        mean.Dispose();
        variance.Dispose();
    }
}
