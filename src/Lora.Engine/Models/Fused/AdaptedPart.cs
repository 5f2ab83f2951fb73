using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Where one adapter lies within an <see cref="AdaptedProduct"/>.</summary>
internal sealed record AdaptedPart(LowRankFactors Factors, long FirstRank, long FirstOutput, long Outputs)
{
    /// <summary>The adapters that are there, one after the other.</summary>
    public static IEnumerable<AdaptedPart> Of(IReadOnlyList<long> outputs, IReadOnlyList<LowRankFactors?> factors)
    {
        long rank = 0;
        long output = 0;
        foreach ((long width, LowRankFactors? found) in outputs.Zip(factors))
        {
            if (found is not null)
            {
                yield return new(found, rank, output, width);
                rank += found.Rank;
            }

            output += width;
        }
    }

    /// <summary>This adapter's A, or its gradient, of all [rank, in].</summary>
    public Tensor RowsOf(Tensor down) => down.narrow(0, FirstRank, Factors.Rank);

    /// <summary>This adapter's x Aᵀ of all [tokens, rank].</summary>
    public Tensor ColumnsOf(Tensor low) => low.narrow(1, FirstRank, Factors.Rank);

    /// <summary>This adapter's outputs of all [tokens, outputs].</summary>
    public Tensor OutputsOf(Tensor y) => y.narrow(1, FirstOutput, Outputs);

    /// <summary>This adapter's B of the block-diagonal [outputs, rank].</summary>
    public Tensor BlockOf(Tensor up) => up.narrow(0, FirstOutput, Outputs).narrow(1, FirstRank, Factors.Rank);
}
