using System.Runtime.CompilerServices;

namespace Lora.Kernels;

/// <summary>An activation of an MLP without a gate, and its derivative.</summary>
internal interface IActivation
{
    static abstract TLanes Of<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes>;

    static abstract TLanes Slope<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes>;
}

/// <summary>Those of gates' form, x σ(s(x)).</summary>
internal readonly struct SigmoidActivation<TGate> : IActivation
    where TGate : struct, IGate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Of<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes> => x * Vectors<TLanes, SingleElement>.Sigmoid(TGate.Inner(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Slope<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes>
    {
        TLanes sigmoid = Vectors<TLanes, SingleElement>.Sigmoid(TGate.Inner(x));
        return TLanes.Fused(x * sigmoid * TGate.Slope(x), TLanes.All(1f) - sigmoid, sigmoid); // σ + x σ s' (1 - σ)
    }
}

/// <summary><see cref="PlainActivation.QuickGelu"/>.</summary>
internal readonly struct QuickGeluGate : IGate
{
    /// <summary>By which x is multiplied.</summary>
    public const double Factor = 1.702;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Inner<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes> => x * TLanes.All((float)Factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Slope<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes> => TLanes.All((float)Factor);
}

/// <summary><see cref="PlainActivation.Relu"/>.</summary>
internal readonly struct Relu : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Of<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes> => TLanes.Larger(TLanes.All(0f), x); // x on the right: NaN has to come through

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Slope<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes> => TLanes.All(1f) - TLanes.WhereAtLeast(TLanes.All(1f), TLanes.All(0f) - x, TLanes.All(0f)); // 0 at 0, as torch has it
}

/// <summary><see cref="PlainActivation.Gelu"/>.</summary>
internal readonly struct ErrorGelu : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Of<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes> => x * Distribution(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Slope<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes>
    {
        TLanes density = Vectors<TLanes, SingleElement>.Exp(x * x * TLanes.All(-0.5f)) * TLanes.All(0.39894228f); // e^(-x²/2) / sqrt(2π)
        return TLanes.Fused(x, density, Distribution(x));
    }

    /// <summary>Φ(x), the normal distribution's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Distribution<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes>
    {
        TLanes tail = HalfTail(TLanes.Larger(TLanes.All(0f) - x, x)); // Φ(-|x|)
        return tail + TLanes.WhereAtLeast(TLanes.All(1f) - tail - tail, x, TLanes.All(0f));
    }

    /// <summary>
    /// erfc(z) / 2 with z = x / sqrt(2), for x from 0 on: t e^(-z² + P(t)) / 2 with t = 1 / (1 + z/2), which is smooth from 0 to 1. P is the interpolation of
    /// log(erfc(z) e^(z²) / t) in Chebyshev's places, of the tenth degree: its error is 1.1e-7, relative in erfc(z).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes HalfTail<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes>
    {
        TLanes one = TLanes.All(1f);
        TLanes t = one / TLanes.Fused(x, TLanes.All(0.35355339f), one);
        TLanes sum = TLanes.All(0.00476965075f);
        sum = TLanes.Fused(sum, t, TLanes.All(0.146361381f));
        sum = TLanes.Fused(sum, t, TLanes.All(-0.768458068f));
        sum = TLanes.Fused(sum, t, TLanes.All(1.423172f));
        sum = TLanes.Fused(sum, t, TLanes.All(-1.08695567f));
        sum = TLanes.Fused(sum, t, TLanes.All(0.256715059f));
        sum = TLanes.Fused(sum, t, TLanes.All(-0.180061519f));
        sum = TLanes.Fused(sum, t, TLanes.All(0.0957724154f));
        sum = TLanes.Fused(sum, t, TLanes.All(0.374176085f));
        sum = TLanes.Fused(sum, t, TLanes.All(1.00002098f));
        sum = TLanes.Fused(sum, t, TLanes.All(-1.26551223f));
        return t * Vectors<TLanes, SingleElement>.Exp(TLanes.Fused(x * x, TLanes.All(-0.5f), sum)) * TLanes.All(0.5f);
    }
}
