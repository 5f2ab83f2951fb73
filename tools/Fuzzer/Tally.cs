using System.Runtime.InteropServices;

namespace Lora.Tools.Fuzzer;

/// <summary>How far a reader has come. It lies in a file, byte for byte, so that it outlives the process that writes it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Tally
{
    /// <summary>The input that is being read, or the number of inputs once all are.</summary>
    public long Index;

    /// <summary>Inputs that were read without a word.</summary>
    public long Accepted;

    /// <summary>Inputs that were refused by a named error.</summary>
    public long Refused;

    /// <summary>The longest that one input took, in microseconds of processor time.</summary>
    public long Slowest;

    /// <summary>The most bytes of managed memory that one input asked for.</summary>
    public long Allocated;

    /// <summary>The most bytes that a process has held.</summary>
    public long Peak;

    public readonly void Write(FileStream file)
    {
        file.Position = 0;
        file.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<Tally>(in this)));
        file.Flush();
    }

    /// <summary>Reads what another process wrote; nothing as long as that has not begun.</summary>
    public static Tally Read(string path)
    {
        Tally tally = default;
        using FileStream file = new(path, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite);
        file.ReadAtLeast(MemoryMarshal.AsBytes(new Span<Tally>(ref tally)), Marshal.SizeOf<Tally>(), throwOnEndOfStream: false);
        return tally;
    }

    /// <summary>Two processes of one reader together.</summary>
    public readonly Tally And(Tally other) => new()
    {
        Index = other.Index,
        Accepted = Accepted + other.Accepted,
        Refused = Refused + other.Refused,
        Slowest = Math.Max(Slowest, other.Slowest),
        Allocated = Math.Max(Allocated, other.Allocated),
        Peak = Math.Max(Peak, other.Peak),
    };
}
