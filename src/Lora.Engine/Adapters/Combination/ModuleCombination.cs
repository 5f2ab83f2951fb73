using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Combines the adapters of one module into one A and one B of scaling 1.</summary>
internal sealed class ModuleCombination(CombinationOptions options, TaskVectors vectors)
{
    /// <summary>A [rank, columns] and B [out, rank].</summary>
    public (Tensor Down, Tensor Up) Combine(IReadOnlyList<WeightedPair> parts)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor down, Tensor up) = options.Method switch
        {
            CombinationMethod.Cat => Concatenate(parts),
            { } method when method.IsDecomposed() => Decompose(parts),
            _ => Mix(parts),
        };
        return (down.MoveToOuterDisposeScope(), up.MoveToOuterDisposeScope());
    }

    /// <summary>[B₁ B₂ ...] · [w₁s₁A₁; w₂s₂A₂; ...], which is the sum itself.</summary>
    private static (Tensor Down, Tensor Up) Concatenate(IReadOnlyList<WeightedPair> parts) =>
        (cat([.. parts.Select(part => part.Pair.DownMatrix() * part.Factor)], 0), cat([.. parts.Select(part => part.Pair.UpMatrix())], 1));

    /// <summary>A and B each with the root of |w s|, so that the products of one adapter have w s; a negative sign goes to A.</summary>
    private (Tensor Down, Tensor Up) Mix(IReadOnlyList<WeightedPair> parts)
    {
        double[] roots = [.. parts.Select(part => Math.Sqrt(Math.Abs(part.Factor)))];
        Tensor[] downs = [.. parts.Select(part => part.Pair.DownMatrix() * Math.Sign(part.Factor))];
        return (vectors.Combine(downs, roots), vectors.Combine([.. parts.Select(part => part.Pair.UpMatrix())], roots));
    }

    /// <summary>The combination of the products s B A, then its leading singular directions: A = Vᵀ, B = U S.</summary>
    private (Tensor Down, Tensor Up) Decompose(IReadOnlyList<WeightedPair> parts)
    {
        Tensor[] products = [.. parts.Select(part => part.Pair.UpMatrix().mm(part.Pair.DownMatrix()) * part.Pair.Scaling)];
        Tensor sum = vectors.Combine(products, [.. parts.Select(part => part.Weight)]); // [out, columns]
        (Tensor left, Tensor values, Tensor right) = linalg.svd(sum, fullMatrices: false);
        long rank = Math.Min(options.Rank ?? parts.Max(part => part.Pair.Rank), values.shape[0]);
        Tensor down = right.narrow(0, 0, rank);
        Tensor up = left.narrow(1, 0, rank) * values.narrow(0, 0, rank);
        return options.Clamp is double clamp ? CutOff(down, up, clamp) : (down, up);
    }

    private static (Tensor Down, Tensor Up) CutOff(Tensor down, Tensor up, double quantile)
    {
        Tensor ordered = cat([down.flatten(), up.flatten()]).sort().Values;
        double place = quantile * (ordered.shape[0] - 1);
        double below = ordered[(long)Math.Floor(place)].ToDouble();
        double limit = below + ((place - Math.Floor(place)) * (ordered[(long)Math.Ceiling(place)].ToDouble() - below));
        return (down.clamp(-limit, limit), up.clamp(-limit, limit));
    }
}
