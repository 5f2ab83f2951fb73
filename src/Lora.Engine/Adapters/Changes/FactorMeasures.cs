using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>What A and B tell of the change s · B A without forming it: the work is that of the rank, in float64.</summary>
internal static class FactorMeasures
{
    /// <summary>The singular values of s · B A, the largest first, as many as the rank, or a side of the weight, has; of several experts those of each, one
    /// after another. NaN each where a factor is not finite.</summary>
    public static double[] SingularValues(FactorPair pair)
    {
        using DisposeScope scope = NewDisposeScope();
        return [.. pair.Matrices().SelectMany(matrices => SingularValues(Exact(matrices.Down), Exact(matrices.Up), pair.Scaling))];
    }

    private static double[] SingularValues(Tensor down, Tensor up, double scaling)
    {
        return down.isfinite().all().ToBoolean() && up.isfinite().all().ToBoolean()
            ? [.. SingularDirections.OfProduct(down, up).Values.Times(scaling).data<double>()]
            : [double.NaN];
    }

    /// <summary>The sum of the products of two changes' values, s₁ s₂ · Σ (B₁ᵀ B₂) ∘ (A₁ A₂ᵀ), which is [rank₁, rank₂] work.</summary>
    public static double Dot(FactorPair one, FactorPair other)
    {
        using DisposeScope scope = NewDisposeScope();
        return one.Scaling * other.Scaling * one.Matrices().Zip(other.Matrices()).Sum(expert => Dot(expert.First, expert.Second));
    }

    private static double Dot((Tensor Down, Tensor Up) one, (Tensor Down, Tensor Up) other)
    {
        Tensor rows = Exact(one.Down).mm(Exact(other.Down).t()); // [rank₁, rank₂]
        Tensor columns = Exact(one.Up).t().mm(Exact(other.Up)); // [rank₁, rank₂]
        return (rows * columns).sum().ToDouble();
    }

    /// <summary>The Frobenius norm of the matrix that has the singular values.</summary>
    public static double Norm(double[] singularValues) => Math.Sqrt(Energy(singularValues));

    /// <summary>The square of that norm, of which shares are taken.</summary>
    public static double Energy(double[] singularValues) => singularValues.Sum(value => value * value);

    /// <summary>
    /// The effective rank, exp(−Σ pᵢ ln pᵢ) with pᵢ = σᵢ / Σ σ (Roy and Vetterli 2007): n for n equal singular values, 1 for one alone, 0 for none.
    /// </summary>
    public static double EffectiveRank(double[] singularValues)
    {
        double sum = singularValues.Sum();
        // p ln p goes to 0 with p, but 0 times ln 0 is NaN.
        return sum == 0 ? 0 : Math.Exp(-singularValues.Where(value => value != 0).Sum(value => value / sum * Math.Log(value / sum)));
    }

    private static Tensor Exact(Tensor matrix) => matrix.to(ScalarType.Float64);
}
