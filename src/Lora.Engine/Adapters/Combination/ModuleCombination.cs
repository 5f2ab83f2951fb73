using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Combines the adapters of one module into one A and one B of scaling 1.</summary>
internal sealed class ModuleCombination(CombinationOptions options, TaskVectors vectors)
{
    /// <summary>A [rank, columns] and B [out, rank].</summary>
    /// <exception cref="LoraException">CombinationRefused: values would not be finite.</exception>
    public (Tensor Down, Tensor Up) Combine(string module, IReadOnlyList<WeightedPair> parts)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor down, Tensor up) = options.Method switch
        {
            CombinationMethod.Cat => Concatenate(parts),
            CombinationMethod.Svd => Truncate(OfSum(module, parts), parts),
            { } method when method.IsDecomposed() => Truncate(SingularDirections.Of(Finite(module, Sum(parts))), parts),
            _ => Mix(parts),
        };
        return (Finite(module, down).MoveToOuterDisposeScope(), Finite(module, up).MoveToOuterDisposeScope());
    }

    /// <summary>The values as they are, for a module that the message names.</summary>
    private static Tensor Finite(string module, Tensor values) => values.isfinite().all().ToBoolean()
        ? values
        : throw LoraException.Of(LoraError.CombinationRefused, module, $"'{module}' would have values that are not finite");

    /// <summary>[B₁ B₂ ...] · [w₁s₁A₁; w₂s₂A₂; ...], which is the sum itself.</summary>
    private static (Tensor Down, Tensor Up) Concatenate(IReadOnlyList<WeightedPair> parts) =>
        (cat([.. parts.Select(part => part.Pair.DownMatrix().Times(part.Factor))], 0), cat([.. parts.Select(part => part.Pair.UpMatrix())], 1));

    /// <summary>
    /// A and B each with the root of |w s|, so that the products of one adapter have w s. The sign of w goes to A's root, where a
    /// majority was elected without it.
    /// </summary>
    private (Tensor Down, Tensor Up) Mix(IReadOnlyList<WeightedPair> parts)
    {
        double[] roots = [.. parts.Select(part => Math.Sqrt(Math.Abs(part.Factor)))];
        double[] signed = [.. parts.Select(part => Math.CopySign(Math.Sqrt(Math.Abs(part.Factor)), part.Factor))];
        return (vectors.Combine([.. parts.Select(part => part.Pair.DownMatrix())], signed), vectors.Combine([.. parts.Select(part => part.Pair.UpMatrix())], roots));
    }

    /// <summary>The directions of the weighted sum.</summary>
    private static SingularDirections OfSum(string module, IReadOnlyList<WeightedPair> parts)
    {
        (Tensor down, Tensor up) = Concatenate(parts); // [ranks, columns], [out, ranks]
        return SingularDirections.OfProduct(Finite(module, down), Finite(module, up));
    }

    /// <summary>The combination of the products s B A, [out, columns].</summary>
    private Tensor Sum(IReadOnlyList<WeightedPair> parts) => vectors.Combine(
        [.. parts.Select(part => part.Pair.UpMatrix().mm(part.Pair.DownMatrix()).Times(part.Pair.Scaling))], [.. parts.Select(part => part.Weight)]);

    /// <summary>The leading directions: A = Vᵀ, B = U S.</summary>
    private (Tensor Down, Tensor Up) Truncate(SingularDirections directions, IReadOnlyList<WeightedPair> parts)
    {
        long rank = Math.Min(options.Rank ?? parts.Max(part => part.Pair.Rank), directions.Values.shape[0]);
        Tensor down = directions.Right.narrow(0, 0, rank); // [rank, in]
        Tensor up = directions.Left.narrow(1, 0, rank) * directions.Values.narrow(0, 0, rank); // [out, rank]
        return options.Clamp is double clamp ? CutOff(down, up, clamp) : (down, up);
    }

    private static (Tensor Down, Tensor Up) CutOff(Tensor down, Tensor up, double quantile)
    {
        // torch.quantile's linear interpolation; torch itself takes no more than 2²⁴ values.
        Tensor ordered = cat([down.flatten(), up.flatten()]).sort().Values;
        double place = quantile * (ordered.shape[0] - 1);
        double below = ordered[(long)Math.Floor(place)].ToDouble();
        double limit = below + ((place - Math.Floor(place)) * (ordered[(long)Math.Ceiling(place)].ToDouble() - below));
        return (down.Clamped(limit), up.Clamped(limit));
    }
}
