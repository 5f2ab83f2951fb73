using System.Runtime.CompilerServices;

namespace Lora.Kernels;

/// <summary>How a value lies in a tensor's memory.</summary>
internal unsafe interface IElement<TSelf>
    where TSelf : unmanaged, IElement<TSelf>
{
    static abstract float Get(TSelf* source);

    static abstract TLanes Load<TLanes>(TSelf* source)
        where TLanes : unmanaged, ILanes<TLanes>;

    static abstract void Store<TLanes>(TSelf* destination, TLanes values)
        where TLanes : unmanaged, ILanes<TLanes>;
}

/// <summary>float32.</summary>
internal unsafe struct SingleElement : IElement<SingleElement>
{
    public float Value;

    public static float Get(SingleElement* source) => source->Value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load<TLanes>(SingleElement* source)
        where TLanes : unmanaged, ILanes<TLanes> => TLanes.LoadSingle((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TLanes>(SingleElement* destination, TLanes values)
        where TLanes : unmanaged, ILanes<TLanes> => values.StoreSingle((float*)destination);
}

/// <summary>bfloat16.</summary>
internal unsafe struct BrainElement : IElement<BrainElement>
{
    public ushort Bits;

    public static float Get(BrainElement* source) => BitConverter.UInt32BitsToSingle((uint)source->Bits << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load<TLanes>(BrainElement* source)
        where TLanes : unmanaged, ILanes<TLanes> => TLanes.LoadBrain((ushort*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TLanes>(BrainElement* destination, TLanes values)
        where TLanes : unmanaged, ILanes<TLanes> => values.StoreBrain((ushort*)destination);
}
