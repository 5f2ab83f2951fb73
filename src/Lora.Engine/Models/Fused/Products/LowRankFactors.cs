using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The trained values of one adapted layer: g ⊙ (W x + s · B(A x)) + b + c, less what the product was at its start where the adapter has one.</summary>
/// <param name="Down">A, [rank, in], float32.</param>
/// <param name="Up">B, [out, rank], float32.</param>
/// <param name="DownGradient">Where A's gradient is added up.</param>
/// <param name="UpGradient">Where B's gradient is added up.</param>
/// <param name="Scaling">s.</param>
internal sealed record LowRankFactors(Tensor Down, Tensor Up, Tensor DownGradient, Tensor UpGradient, double Scaling)
{
    /// <summary>A₀ and B₀, whose product is subtracted, like A and B; null when nothing is.</summary>
    public (Tensor Down, Tensor Up)? Start { get; init; }

    /// <summary>g, [out], float32: what outputs without the bias are multiplied by; null for 1. No gradient is taken of it.</summary>
    public Tensor? Scale { get; init; }

    /// <summary>m, of which g = m / ‖W + s · B A‖ is made for each batch; null where it is not trained.</summary>
    public TrainedMagnitude? Magnitude { get; init; }

    /// <summary>c, [out], float32: what is added to the bias; null for nothing. No gradient is taken of it.</summary>
    public Tensor? Shift { get; init; }

    /// <summary>The flat tensors that A, B and their gradients are views of; null where they are tensors of their own.</summary>
    public FactorHome? Home { get; init; }

    /// <summary>The probability that a value of x is dropped before A.</summary>
    public double DropProbability { get; init; }

    /// <summary>Draws the seed of a batch's dropout; null while nothing is dropped.</summary>
    public Func<ulong?> DrawSeed { get; init; } = () => null;

    /// <summary>Width of the product; 0 where there is none.</summary>
    public long Rank => Down.shape[0];
}

/// <summary>Where A and B lie among all trained values.</summary>
/// <param name="Values">All, [count], float32.</param>
/// <param name="Gradients">Like the values.</param>
/// <param name="Down">The place of A's first value.</param>
/// <param name="Up">The place of B's first value.</param>
internal sealed record FactorHome(Tensor Values, Tensor Gradients, long Down, long Up);

/// <summary>Where the magnitudes of a layer's outputs lie among all trained values (DoRA).</summary>
/// <param name="Values">All, [count], float32.</param>
/// <param name="Gradients">Like the values.</param>
/// <param name="Place">The place of the first one, m of output 0.</param>
internal sealed record TrainedMagnitude(Tensor Values, Tensor Gradients, long Place);
