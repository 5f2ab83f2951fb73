using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lora.Quantization;

/// <summary>What the 16 codes of 4 bits stand for, times the magnitude of their block.</summary>
internal sealed class FourBitCode
{
    /// <summary>How many codes there are.</summary>
    public const int Count = 16;

    private FourBitCode(string name, IReadOnlyList<float> values)
    {
        Name = name;
        Values = values;
        Pairs = [.. Enumerable.Range(0, Count * Count).SelectMany(code => new[] { Values[code / Count], Values[code % Count] })];
    }

    /// <summary>Quantiles of the normal distribution.</summary>
    public static FourBitCode Nf4 { get; } = new("nf4", Nf4Code.Values);

    /// <summary>
    /// bitsandbytes' float of 4 bits, of largest magnitude 1: a sign, and twelfths of 0, 1/16, 8, 12, 4, 6, 2 and 3 in the order of their codes. It is
    /// no E2M1, whose values are others.
    /// </summary>
    public static FourBitCode Fp4 { get; } = new("fp4", [.. new[] { 1f, -1f }.SelectMany(sign => new[] { 0, 0.0625f, 8, 12, 4, 6, 2, 3 }.Select(value => sign * (value / 12)))]);

    /// <summary>bitsandbytes' name of it.</summary>
    public string Name { get; }

    /// <summary>The values in the order of their codes.</summary>
    public IReadOnlyList<float> Values { get; }

    /// <summary>The two values of each byte, one byte's after the other's; the first is that of the upper half.</summary>
    public float[] Pairs { get; }

    /// <summary>Writes the values of codes, two for each byte.</summary>
    public unsafe void Unpack(byte* codes, int bytes, float* values)
    {
        // Both values of a byte at once, as 64 bits: half as many loads, and the table, 2 KB, stays in the cache.
        ref long pairs = ref Unsafe.As<float, long>(ref MemoryMarshal.GetArrayDataReference(Pairs));
        for (int at = 0; at < bytes; at++)
        {
            ((long*)values)[at] = Unsafe.Add(ref pairs, codes[at]);
        }
    }

    /// <summary>The code of that name; null for none.</summary>
    public static FourBitCode? Find(string name) => name == Nf4.Name ? Nf4 : name == Fp4.Name ? Fp4 : null;
}
