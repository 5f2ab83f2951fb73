using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The trained values of one adapted layer: W x + s · B(A x).</summary>
/// <param name="Down">A, [rank, in], float32.</param>
/// <param name="Up">B, [out, rank], float32.</param>
/// <param name="DownGradient">Where A's gradient is added up.</param>
/// <param name="UpGradient">Where B's gradient is added up.</param>
/// <param name="Scaling">s.</param>
internal sealed record LowRankFactors(Tensor Down, Tensor Up, Tensor DownGradient, Tensor UpGradient, double Scaling)
{
    /// <summary>Width of the product.</summary>
    public long Rank => Down.shape[0];
}
