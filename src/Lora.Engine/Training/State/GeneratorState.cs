using System.Buffers.Binary;

namespace Lora.Training;

/// <summary>
/// The bytes of torch's CPU generator (CPUGeneratorImplState around a Mersenne Twister). torch checks them too, but in a call whose failure ends the
/// process, so a state file is checked here first.
/// </summary>
internal static class GeneratorState
{
    private const int Size = 5056;
    private const int LeftOffset = 8; // after the seed
    private const int SeededOffset = 12;
    private const int NextOffset = 16;
    private const int Words = 624;

    /// <summary>Whether torch would take them: mt19937's own rules for how many words are left and which one is next.</summary>
    public static bool IsValid(ReadOnlySpan<byte> state)
    {
        if (state.Length != Size)
        {
            return false;
        }

        int left = BinaryPrimitives.ReadInt32LittleEndian(state[LeftOffset..]);
        int seeded = BinaryPrimitives.ReadInt32LittleEndian(state[SeededOffset..]);
        ulong next = BinaryPrimitives.ReadUInt64LittleEndian(state[NextOffset..]);
        return seeded == 1 && left is > 0 and <= Words && next <= Words;
    }
}
