using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lora.Kernels;

/// <summary>Sixteen float32 values.</summary>
internal readonly unsafe struct Lanes512(Vector512<float> value) : ILanes<Lanes512>
{
    private const int HalfBits = 16;
    private const int MantissaBits = 23;
    private const int ExponentBias = 127;

    private readonly Vector512<float> value = value;

    public static int Count => Vector512<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator +(Lanes512 left, Lanes512 right) => new(left.value + right.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 left, Lanes512 right) => new(left.value - right.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator *(Lanes512 left, Lanes512 right) => new(left.value * right.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator /(Lanes512 left, Lanes512 right) => new(left.value / right.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 All(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadSingle(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadBrain(ushort* source)
    {
        // bfloat16 is the upper half of a float32: to widen is to shift.
        Vector256<ushort> half = Vector256.Load(source);
        Vector512<uint> wide = Avx512F.IsSupported ? Avx512F.ConvertToVector512UInt32(half) : Vector512.Create(Vector256.WidenLower(half), Vector256.WidenUpper(half));
        return new(Vector512.ShiftLeft(wide, HalfBits).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 PowerOfTwo(Lanes512 exponent) =>
        // The exponent's bits of a float32, made by themselves; the mantissa of a power of two is zero.
        new(Vector512.ShiftLeft(Vector512.ConvertToInt32Native(exponent.value) + Vector512.Create(ExponentBias), MantissaBits).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Round(Lanes512 value) => new(Vector512.Round(value.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 SquareRoot(Lanes512 value) => new(Vector512.Sqrt(value.value));

    // MinNative is one instruction; on x86, where a value is NaN, it gives the right operand, which callers reckon with.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Smaller(Lanes512 left, Lanes512 right) => new(Vector512.MinNative(left.value, right.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Larger(Lanes512 left, Lanes512 right) => new(Vector512.MaxNative(left.value, right.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Fused(Lanes512 left, Lanes512 right, Lanes512 addend) =>
        new(Vector512.FusedMultiplyAdd(left.value, right.value, addend.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 WhereAtLeast(Lanes512 value, Lanes512 number, Lanes512 bound) =>
        new(Vector512.GreaterThanOrEqual(number.value, bound.value) & value.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Uniform(uint first, ulong seed)
    {
        Vector512<uint> places = Vector512.Create(first) + Vector512<uint>.Indices;

        // No state from draw to draw: the number of a place is made from the place, in any order and twice.
        Vector512<uint> bits = Hash(Hash(places + Vector512.Create((uint)seed)) ^ Vector512.Create((uint)(seed >> 32)));

        // The 24 upper bits, which float32 holds exactly.
        return new(Vector512.ConvertToSingle(Vector512.ShiftRightLogical(bits, 8).AsInt32()) * Vector512.Create(1f / (1 << 24)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreSingle(float* destination) => value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBrain(ushort* destination)
    {
        Vector512<uint> bits = value.AsUInt32();

        // Half of the last place that is kept, less one where that is even: a tie goes to the even neighbour.
        Vector512<uint> odd = Vector512.ShiftRightLogical(bits, HalfBits) & Vector512<uint>.One;
        Vector512<uint> rounded = Vector512.ShiftRightLogical(bits + odd + Vector512.Create(0x7fffu), HalfBits);
        Vector256<ushort> half = Avx512F.IsSupported ? Avx512F.ConvertToVector256UInt16(rounded) : Vector256.Narrow(rounded.GetLower(), rounded.GetUpper());
        half.Store(destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => Vector512.Sum(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Largest()
    {
        Vector128<float> four = Halve(Vector256.MaxNative(value.GetLower(), value.GetUpper()));
        return MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Halve(Vector256<float> eight) => Vector128.MaxNative(eight.GetLower(), eight.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Hash(Vector512<uint> bits)
    {
        bits = (bits ^ Vector512.ShiftRightLogical(bits, 16)) * Vector512.Create(0x7feb352du);
        bits = (bits ^ Vector512.ShiftRightLogical(bits, 15)) * Vector512.Create(0x846ca68bu);
        return bits ^ Vector512.ShiftRightLogical(bits, 16);
    }
}
