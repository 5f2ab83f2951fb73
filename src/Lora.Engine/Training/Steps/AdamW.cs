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

    /// <summary>What takes the place of the operator that has a step in one pass, and why; null where the device has it, or a processor's vector code.</summary>
    public string? Way => kernels.Way(OperatorNeeds.FusedAdam, values.dtype, values.device);

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
    /// <param name="learningRate">lr.</param>
    /// <param name="skip">[], float32: 1 where the step is to change nothing, which <see cref="Undo"/> is told once it was read; null for never.</param>
    public void Step(double learningRate, Tensor? skip = null)
    {
        using IDisposable noGradient = no_grad();
        Steps++;
        using Tensor? never = skip is null ? zeros([], dtype: ScalarType.Float32, device: values.device) : null; // []
        kernels.Adam(values, Mean, Variance, gradients, new(learningRate, weightDecay, Beta1, Beta2, Epsilon, Steps), skip ?? never!);
    }

    /// <summary>The last step was none.</summary>
    public void Undo() => Steps--;

    /// <summary>
    /// Takes the memory of a step and changes nothing: of zero gradients and moments, before the first step, at a rate of zero all values stay as they are.
    /// </summary>
    public void Rehearse()
    {
        using IDisposable noGradient = no_grad();
        using Tensor never = zeros([], dtype: ScalarType.Float32, device: values.device); // []
        kernels.Adam(values, Mean, Variance, gradients, new(LearningRate: 0, WeightDecay: 0, Beta1, Beta2, Epsilon, Number: 1), never);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Mean.Dispose();
        Variance.Dispose();
    }
}
