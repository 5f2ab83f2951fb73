using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// A and B both random, in complementary halves of an orthogonal basis of the rank space, so that B A is zero up to rounding and
/// both get a gradient from the first step (PEFT's <c>orthogonal</c>). The rank is even.
/// </summary>
internal sealed class OrthogonalInitialization : LoraInitialization
{
    private const double Shrink = 0.1; // PEFT divides both by 10

    /// <inheritdoc/>
    public override void Fill(Tensor down, Tensor up, Func<Tensor> weight, double scaling, Generator generator)
    {
        long rank = down.shape[0];
        (Tensor basis, _) = linalg.qr(Normal(rank, rank)); // rows are orthonormal
        Tensor halves = basis.view(rank / 2, 2, rank); // [rank / 2, 2, rank]: even rows for A, odd ones for B
        down.copy_(Normal(down.shape[1], rank / 2).mm(halves.select(1, 0)).t().Times(Shrink)); // [rank, in]
        up.copy_(Normal(up.shape[0], rank / 2).mm(halves.select(1, 1)).Times(Shrink)); // [out, rank]

        Tensor Normal(long rows, long columns) => SeededDraws.Normal(rows, columns, ScalarType.Float32, down.device, generator);
    }
}
