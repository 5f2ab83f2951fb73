using System.Runtime.CompilerServices;

namespace Lora.Kernels;

/// <summary>An activation of the form x σ(s(x)); its derivative is σ(s) + x σ(s) (1 - σ(s)) s'.</summary>
internal interface IGate
{
    /// <summary>s.</summary>
    static abstract TLanes Inner<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes>;

    /// <summary>s'.</summary>
    static abstract TLanes Slope<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes>;
}

/// <summary><see cref="GateActivation.Silu"/>.</summary>
internal readonly struct SiluGate : IGate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Inner<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Slope<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes> => TLanes.All(1f);
}

/// <summary><see cref="GateActivation.TanhGelu"/>.</summary>
internal readonly struct TanhGeluGate : IGate
{
    /// <summary>2 sqrt(2/π).</summary>
    public const double Linear = 1.5957691216057308;

    /// <summary>2 sqrt(2/π) 0.044715.</summary>
    public const double Cubic = Linear * 0.044715;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Inner<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes> => x * TLanes.Fused(x * x, TLanes.All((float)Cubic), TLanes.All((float)Linear));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Slope<TLanes>(TLanes x)
        where TLanes : unmanaged, ILanes<TLanes> => TLanes.Fused(x * x, TLanes.All((float)(3 * Cubic)), TLanes.All((float)Linear));
}
