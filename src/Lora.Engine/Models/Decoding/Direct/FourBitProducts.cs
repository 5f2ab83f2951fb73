using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lora.Kernels;

namespace Lora.Models;

/// <summary>
/// Products of a row of 4-bit codes with a few vectors. Codes become values in registers, sixteen by one instruction that looks them up in a table; a stretch of values
/// is added up before its scale is multiplied by. The order does not hang on how many vectors there are.
/// </summary>
/// <remarks>The two codes of a byte are values side by side. Vectors have theirs with an even and those with an odd place apart (<see cref="Part"/>), so that codes stay as they are.</remarks>
internal static unsafe class FourBitProducts<TLanes>
    where TLanes : unmanaged, ILanes<TLanes>
{
    /// <summary>Vectors whose products are under way at the same time.</summary>
    public const int Together = 4;

    /// <summary>Values that are taken at once: what a row's stretches have to be whole multiples of.</summary>
    public const int Unit = 32;

    private const int Bytes = Unit / 2;
    private const int Half = 4; // bits of a code

    /// <summary>Writes the values of x with an even place, then those with an odd one.</summary>
    /// <param name="x">[width].</param>
    /// <param name="width">A multiple of <see cref="Unit"/>.</param>
    /// <param name="apart">[2, width / 2]; written.</param>
    public static void Part(float* x, long width, float* apart)
    {
        const int Lanes = 4;
        float* odd = apart + (width / 2);
        for (long at = 0; at < width / 2; at += Lanes)
        {
            Vector128<float> first = Vector128.Load(x + (2 * at)), second = Vector128.Load(x + (2 * at) + Lanes);
            Sse.Shuffle(first, second, 0b10_00_10_00).Store(apart + at);
            Sse.Shuffle(first, second, 0b11_01_11_01).Store(odd + at);
        }
    }

    /// <summary>The product of a row and a vector.</summary>
    /// <param name="codes">The row's, two a byte.</param>
    /// <param name="scales">Of its stretches.</param>
    /// <param name="stretches">How many.</param>
    /// <param name="length">Values of each.</param>
    /// <param name="table">What codes stand for.</param>
    /// <param name="x">The vector, parted.</param>
    public static float One(byte* codes, float* scales, long stretches, int length, in Vector512<float> table, float* x) =>
        TLanes.Count == Vector512<float>.Count ? One512(codes, scales, stretches, length, table, x) : One256(codes, scales, stretches, length, table, x);

    /// <summary>The same of four vectors, one behind the other.</summary>
    /// <param name="codes">The row's, two a byte.</param>
    /// <param name="scales">Of its stretches.</param>
    /// <param name="stretches">How many.</param>
    /// <param name="length">Values of each.</param>
    /// <param name="table">What codes stand for.</param>
    /// <param name="x">The vectors, each parted.</param>
    /// <param name="y">Written, a stride apart.</param>
    /// <param name="stride">From one vector's result to the next one's.</param>
    public static void Four(byte* codes, float* scales, long stretches, int length, in Vector512<float> table, float* x, float* y, long stride)
    {
        if (TLanes.Count == Vector512<float>.Count)
        {
            Four512(codes, scales, stretches, length, table, x, y, stride);
        }
        else
        {
            Four256(codes, scales, stretches, length, table, x, y, stride);
        }
    }

    private static float One512(byte* codes, float* scales, long stretches, int length, Vector512<float> table, float* even)
    {
        float* odd = even + (stretches * length / 2);
        Vector512<float> total = Vector512<float>.Zero;
        for (long stretch = 0; stretch < stretches; stretch++)
        {
            Vector512<float> sum = Vector512<float>.Zero;
            for (int at = 0; at < length; at += Unit)
            {
                Vector512<int> bytes = Bytes512(codes);
                Vector512<float> high = Upper512(bytes, table), low = Lower512(bytes, table);
                sum = Vector512.FusedMultiplyAdd(high, Vector512.Load(even), sum);
                sum = Vector512.FusedMultiplyAdd(low, Vector512.Load(odd), sum);
                codes += Bytes;
                even += Bytes;
                odd += Bytes;
            }

            total = Vector512.FusedMultiplyAdd(sum, Vector512.Create(scales[stretch]), total);
        }

        return Vector512.Sum(total);
    }

    private static void Four512(byte* codes, float* scales, long stretches, int length, Vector512<float> table, float* x, float* y, long stride)
    {
        long width = stretches * length;
        float* even = x, odd = x + (width / 2);
        Vector512<float> total0 = Vector512<float>.Zero, total1 = total0, total2 = total0, total3 = total0;
        for (long stretch = 0; stretch < stretches; stretch++)
        {
            Vector512<float> sum0 = Vector512<float>.Zero, sum1 = sum0, sum2 = sum0, sum3 = sum0;
            for (int at = 0; at < length; at += Unit)
            {
                Vector512<int> bytes = Bytes512(codes);
                Vector512<float> high = Upper512(bytes, table), low = Lower512(bytes, table);
                sum0 = Vector512.FusedMultiplyAdd(high, Vector512.Load(even), sum0);
                sum1 = Vector512.FusedMultiplyAdd(high, Vector512.Load(even + width), sum1);
                sum2 = Vector512.FusedMultiplyAdd(high, Vector512.Load(even + (2 * width)), sum2);
                sum3 = Vector512.FusedMultiplyAdd(high, Vector512.Load(even + (3 * width)), sum3);
                sum0 = Vector512.FusedMultiplyAdd(low, Vector512.Load(odd), sum0);
                sum1 = Vector512.FusedMultiplyAdd(low, Vector512.Load(odd + width), sum1);
                sum2 = Vector512.FusedMultiplyAdd(low, Vector512.Load(odd + (2 * width)), sum2);
                sum3 = Vector512.FusedMultiplyAdd(low, Vector512.Load(odd + (3 * width)), sum3);
                codes += Bytes;
                even += Bytes;
                odd += Bytes;
            }

            Vector512<float> scale = Vector512.Create(scales[stretch]);
            total0 = Vector512.FusedMultiplyAdd(sum0, scale, total0);
            total1 = Vector512.FusedMultiplyAdd(sum1, scale, total1);
            total2 = Vector512.FusedMultiplyAdd(sum2, scale, total2);
            total3 = Vector512.FusedMultiplyAdd(sum3, scale, total3);
        }

        y[0] = Vector512.Sum(total0);
        y[stride] = Vector512.Sum(total1);
        y[2 * stride] = Vector512.Sum(total2);
        y[3 * stride] = Vector512.Sum(total3);
    }

    private static float One256(byte* codes, float* scales, long stretches, int length, Vector512<float> table, float* even)
    {
        const int Lanes = 8;
        float* odd = even + (stretches * length / 2);
        Vector256<float> first = table.GetLower(), second = table.GetUpper(), total = Vector256<float>.Zero;
        for (long stretch = 0; stretch < stretches; stretch++)
        {
            Vector256<float> sum = Vector256<float>.Zero;
            for (int at = 0; at < length; at += Unit / 2)
            {
                Vector256<int> bytes = Avx2.ConvertToVector256Int32(codes);
                Vector256<float> high = Upper256(bytes, first, second), low = Lower256(bytes, first, second);
                sum = Vector256.FusedMultiplyAdd(high, Vector256.Load(even), sum);
                sum = Vector256.FusedMultiplyAdd(low, Vector256.Load(odd), sum);
                codes += Lanes;
                even += Lanes;
                odd += Lanes;
            }

            total = Vector256.FusedMultiplyAdd(sum, Vector256.Create(scales[stretch]), total);
        }

        return Vector256.Sum(total);
    }

    private static void Four256(byte* codes, float* scales, long stretches, int length, Vector512<float> table, float* x, float* y, long stride)
    {
        const int Lanes = 8;
        long width = stretches * length;
        float* even = x, odd = x + (width / 2);
        Vector256<float> first = table.GetLower(), second = table.GetUpper();
        Vector256<float> total0 = Vector256<float>.Zero, total1 = total0, total2 = total0, total3 = total0;
        for (long stretch = 0; stretch < stretches; stretch++)
        {
            Vector256<float> sum0 = Vector256<float>.Zero, sum1 = sum0, sum2 = sum0, sum3 = sum0;
            for (int at = 0; at < length; at += Unit / 2)
            {
                Vector256<int> bytes = Avx2.ConvertToVector256Int32(codes);
                Vector256<float> high = Upper256(bytes, first, second), low = Lower256(bytes, first, second);
                sum0 = Vector256.FusedMultiplyAdd(high, Vector256.Load(even), sum0);
                sum1 = Vector256.FusedMultiplyAdd(high, Vector256.Load(even + width), sum1);
                sum2 = Vector256.FusedMultiplyAdd(high, Vector256.Load(even + (2 * width)), sum2);
                sum3 = Vector256.FusedMultiplyAdd(high, Vector256.Load(even + (3 * width)), sum3);
                sum0 = Vector256.FusedMultiplyAdd(low, Vector256.Load(odd), sum0);
                sum1 = Vector256.FusedMultiplyAdd(low, Vector256.Load(odd + width), sum1);
                sum2 = Vector256.FusedMultiplyAdd(low, Vector256.Load(odd + (2 * width)), sum2);
                sum3 = Vector256.FusedMultiplyAdd(low, Vector256.Load(odd + (3 * width)), sum3);
                codes += Lanes;
                even += Lanes;
                odd += Lanes;
            }

            Vector256<float> scale = Vector256.Create(scales[stretch]);
            total0 = Vector256.FusedMultiplyAdd(sum0, scale, total0);
            total1 = Vector256.FusedMultiplyAdd(sum1, scale, total1);
            total2 = Vector256.FusedMultiplyAdd(sum2, scale, total2);
            total3 = Vector256.FusedMultiplyAdd(sum3, scale, total3);
        }

        y[0] = Vector256.Sum(total0);
        y[stride] = Vector256.Sum(total1);
        y[2 * stride] = Vector256.Sum(total2);
        y[3 * stride] = Vector256.Sum(total3);
    }

    /// <summary>Sixteen bytes. A lookup reads the lowest four bits of each place, so that the lower code needs no mask.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Bytes512(byte* codes) => Avx512F.ConvertToVector512Int32(Vector128.Load(codes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Lower512(Vector512<int> bytes, Vector512<float> table) => Avx512F.PermuteVar16x32(table, bytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Upper512(Vector512<int> bytes, Vector512<float> table) => Avx512F.PermuteVar16x32(table, Vector512.ShiftRightLogical(bytes, Half));

    /// <summary>Values of the lower codes of eight bytes. A lookup here has eight values and reads three bits; the fourth chooses between two lookups.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Lower256(Vector256<int> bytes, Vector256<float> first, Vector256<float> second)
    {
        const int ToSign = 28; // the fourth bit to the highest, which is the one that the choice reads
        return Avx.BlendVariable(Avx2.PermuteVar8x32(first, bytes), Avx2.PermuteVar8x32(second, bytes), Vector256.ShiftLeft(bytes, ToSign).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Upper256(Vector256<int> bytes, Vector256<float> first, Vector256<float> second) =>
        Lower256(Vector256.ShiftRightLogical(bytes, Half), first, second);
}
