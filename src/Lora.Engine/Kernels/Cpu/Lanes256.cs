using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lora.Kernels;

/// <summary>Eight float32 values.</summary>
internal readonly unsafe struct Lanes256(Vector256<float> value) : ILanes<Lanes256>
{
    private const int HalfBits = 16;
    private const int MantissaBits = 23;
    private const int ExponentBias = 127;

    private readonly Vector256<float> value = value;

    public static int Count => Vector256<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator +(Lanes256 left, Lanes256 right) => new(left.value + right.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 left, Lanes256 right) => new(left.value - right.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator *(Lanes256 left, Lanes256 right) => new(left.value * right.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator /(Lanes256 left, Lanes256 right) => new(left.value / right.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 All(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadSingle(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadBrain(ushort* source)
    {
        // bfloat16 is the upper half of a float32: to widen is to shift.
        Vector128<ushort> half = Vector128.Load(source);
        return new(Vector256.ShiftLeft(Vector256.Create(Vector128.WidenLower(half), Vector128.WidenUpper(half)), HalfBits).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 PowerOfTwo(Lanes256 exponent) =>
        // The exponent's bits of a float32, made by themselves; the mantissa of a power of two is zero.
        new(Vector256.ShiftLeft(Vector256.ConvertToInt32Native(exponent.value) + Vector256.Create(ExponentBias), MantissaBits).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Round(Lanes256 value) => new(Vector256.Round(value.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 SquareRoot(Lanes256 value) => new(Vector256.Sqrt(value.value));

    // MinNative is one instruction; on x86, where a value is NaN, it gives the right operand, which callers reckon with.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Smaller(Lanes256 left, Lanes256 right) => new(Vector256.MinNative(left.value, right.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Larger(Lanes256 left, Lanes256 right) => new(Vector256.MaxNative(left.value, right.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Fused(Lanes256 left, Lanes256 right, Lanes256 addend) =>
        new(Vector256.FusedMultiplyAdd(left.value, right.value, addend.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 WhereAtLeast(Lanes256 value, Lanes256 number, Lanes256 bound) =>
        new(Vector256.GreaterThanOrEqual(number.value, bound.value) & value.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Uniform(uint first, ulong seed)
    {
        Vector256<uint> places = Vector256.Create(first) + Vector256<uint>.Indices;

        // No state from draw to draw: the number of a place is made from the place, in any order and twice.
        Vector256<uint> bits = Hash(Hash(places + Vector256.Create((uint)seed)) ^ Vector256.Create((uint)(seed >> 32)));

        // The 24 upper bits, which float32 holds exactly.
        return new(Vector256.ConvertToSingle(Vector256.ShiftRightLogical(bits, 8).AsInt32()) * Vector256.Create(1f / (1 << 24)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreSingle(float* destination) => value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBrain(ushort* destination)
    {
        Vector256<uint> bits = value.AsUInt32();

        // Half of the last place that is kept, less one where that is even: a tie goes to the even neighbour.
        Vector256<uint> odd = Vector256.ShiftRightLogical(bits, HalfBits) & Vector256<uint>.One;
        Vector256<uint> rounded = Vector256.ShiftRightLogical(bits + odd + Vector256.Create(0x7fffu), HalfBits);
        Vector128.Narrow(rounded.GetLower(), rounded.GetUpper()).Store(destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => Vector256.Sum(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Largest()
    {
        Vector128<float> four = Vector128.MaxNative(value.GetLower(), value.GetUpper());
        return MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Hash(Vector256<uint> bits)
    {
        bits = (bits ^ Vector256.ShiftRightLogical(bits, 16)) * Vector256.Create(0x7feb352du);
        bits = (bits ^ Vector256.ShiftRightLogical(bits, 15)) * Vector256.Create(0x846ca68bu);
        return bits ^ Vector256.ShiftRightLogical(bits, 16);
    }
}
