namespace Lora.Tools.Fuzzer;

/// <summary>Damage that knows nothing of a format: pieces put in, taken out, doubled, turned over; the end cut off.</summary>
internal static class ByteDamage
{
    private const int LongestStretch = 40;
    private const int MostPlaces = 4;

    /// <summary>Damages a file at one to four places.</summary>
    /// <param name="whole">The undamaged bytes.</param>
    /// <param name="random">Chooses.</param>
    /// <param name="within">Places are below this; 0 for the whole file.</param>
    public static byte[] Apply(byte[] whole, Random random, int within = 0)
    {
        byte[] bytes = whole;
        for (int places = random.Next(1, MostPlaces + 1); places > 0; places--)
        {
            bytes = Once(bytes, random, within);
        }

        return bytes;
    }

    private static byte[] Once(byte[] bytes, Random random, int within)
    {
        int at = random.Next(0, Math.Min(within > 0 ? within : int.MaxValue, bytes.Length) + 1);
        int length = Math.Min(random.Next(1, LongestStretch), bytes.Length - at);
        byte[] piece = HostileValues.Bytes[random.Next(HostileValues.Bytes.Count)];
        return random.Next(8) switch
        {
            0 => [.. bytes[..at], .. piece, .. bytes[at..]],
            1 => [.. bytes[..at], .. piece, .. bytes[(at + Math.Min(piece.Length, bytes.Length - at))..]],
            2 => [.. bytes[..at], .. bytes[(at + length)..]],
            3 => [.. bytes[..(at + length)], .. bytes[at..]],
            4 => bytes[..at],
            5 => Changed(bytes, at, (byte)random.Next(256)),
            6 when at < bytes.Length => Changed(bytes, at, (byte)(bytes[at] ^ (1 << random.Next(8)))),
            _ => Moved(bytes, at, length, random.Next(0, bytes.Length - length + 1)),
        };
    }

    private static byte[] Changed(byte[] bytes, int at, byte value)
    {
        byte[] changed = [.. bytes];
        if (at < changed.Length)
        {
            changed[at] = value;
        }

        return changed;
    }

    private static byte[] Moved(byte[] bytes, int at, int length, int to)
    {
        byte[] rest = [.. bytes[..at], .. bytes[(at + length)..]];
        return [.. rest[..to], .. bytes[at..(at + length)], .. rest[to..]];
    }
}
