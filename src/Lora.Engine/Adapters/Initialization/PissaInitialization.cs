using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// A and B hold the base weight's leading singular directions, each with the square root of the singular values divided by s
/// (PiSSA, arXiv 2404.02948).
/// </summary>
/// <param name="iterations">Power iterations of a randomised decomposition (Halko, Martinsson, Tropp, arXiv 0909.4061); null for the exact one.</param>
internal sealed class PissaInitialization(int? iterations) : LoraInitialization
{
    /// <inheritdoc/>
    public override bool ChangesBase => true;

    /// <inheritdoc/>
    public override bool IsRandom => iterations is not null;

    /// <inheritdoc/>
    public override void Fill(Tensor down, Tensor up, Func<Tensor> weight, double scaling, Generator generator)
    {
        long rank = down.shape[0];
        (Tensor left, Tensor values, Tensor right) = iterations is int count
            ? Randomised(weight(), rank, count, generator)
            : linalg.svd(weight(), fullMatrices: false); // [out, n], [n], [n, in]
        Tensor roots = values.narrow(0, 0, rank).Times(1 / scaling).sqrt(); // [rank]
        down.copy_(roots.unsqueeze(1) * right.narrow(0, 0, rank)); // [rank, in]
        up.copy_(left.narrow(1, 0, rank) * roots); // [out, rank]
    }

    private static (Tensor Left, Tensor Values, Tensor Right) Randomised(Tensor weight, long rank, int iterations, Generator generator)
    {
        Tensor sample = SeededDraws.Normal(weight.shape[1], rank, weight.dtype, weight.device, generator); // [in, rank]
        (Tensor basis, _) = linalg.qr(weight.mm(sample)); // [out, rank]
        for (int iteration = 0; iteration < iterations; iteration++)
        {
            // Each pass sharpens the subspace: small singular values fall off by their square. QR between, or all columns would turn into the first.
            (Tensor rows, _) = linalg.qr(weight.t().mm(basis)); // [in, rank]
            (basis, _) = linalg.qr(weight.mm(rows)); // [out, rank]
        }

        (Tensor left, Tensor values, Tensor right) = linalg.svd(basis.t().mm(weight), fullMatrices: false); // of [rank, in]
        return (basis.mm(left), values, right); // [out, rank], [rank], [rank, in]
    }
}
