namespace Lora.Data;

/// <summary>
/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014). Its numbers are pinned by its
/// definition, so an order of examples is the same on every platform and with every version of .NET.
/// </summary>
internal sealed class SplitMix64(ulong state)
{
    private const ulong Increment = 0x9E3779B97F4A7C15;

    /// <summary>The next number of 64 bits.</summary>
    public ulong Next()
    {
        state += Increment;
        ulong mixed = state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>The next number from 0 to below 1, of the 53 bits that a double holds.</summary>
    public double NextShare() => (Next() >> 11) * (1.0 / (1L << 53));

    /// <summary>The next number from 0 up to, but without, a bound: the high half of number times bound.</summary>
    public int Next(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);
}
