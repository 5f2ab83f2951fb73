using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests;

/// <summary>Distances between tensors, as the reference runs state their tolerances.</summary>
internal static class Closeness
{
    /// <summary>The largest absolute difference.</summary>
    public static double Largest(Tensor actual, Tensor expected)
    {
        Assert.Equal(expected.shape, actual.shape);
        return (actual.to(ScalarType.Float64) - expected.to(ScalarType.Float64)).abs().max().ToDouble();
    }

    /// <summary>The Euclidean norm of the difference over the norm of what is expected.</summary>
    public static double Relative(Tensor actual, Tensor expected)
    {
        Assert.Equal(expected.shape, actual.shape);
        Tensor exact = expected.to(ScalarType.Float64);
        return (actual.to(ScalarType.Float64) - exact).norm().ToDouble() / exact.norm().ToDouble();
    }

    /// <summary>Compares numbers to as many decimals.</summary>
    public static IEqualityComparer<double> To(int decimals) =>
        EqualityComparer<double>.Create((one, other) => Math.Abs(one - other) < Math.Pow(10, -decimals));

    /// <summary>Compares numbers within a tolerance.</summary>
    public static IEqualityComparer<float> Single(float tolerance) =>
        EqualityComparer<float>.Create((one, other) => Math.Abs(one - other) <= tolerance);
}
