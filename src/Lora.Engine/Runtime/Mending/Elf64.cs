using System.Buffers.Binary;
using System.Text;

namespace Lora.Runtime;

/// <summary>One version that a library needs from another (an ELF Vernaux entry).</summary>
internal sealed record VersionNeed(string Name, ushort Index, ushort Flags, int FlagsOffset);

/// <summary>One dynamic symbol with the places of its name and of its version index.</summary>
internal sealed record DynamicSymbol(string Name, int NameOffset, ushort VersionIndex, int VersionOffset, bool IsDefined);

/// <summary>Reads the dynamic symbols and version needs of a little-endian ELF64 image (System V ABI, gABI chapter 4 and the GNU version extension).</summary>
internal sealed class Elf64
{
    private const uint DynamicSymbolTable = 11;
    private const uint VersionSymbolTable = 0x6fffffff;
    private const uint VersionNeedTable = 0x6ffffffe;

    private readonly byte[] image;
    private readonly Section[] sections;

    public Elf64(byte[] image)
    {
        this.image = image;
        if (image.Length < 64 || Read32(0) != 0x464C457F || image[4] != 2 || image[5] != 1)
        {
            throw new InvalidDataException("Not a little-endian ELF64 file.");
        }

        int table = ReadOffset(0x28);
        int entrySize = Read16(0x3A);
        sections = [.. Enumerable.Range(0, Read16(0x3C)).Select(index => ReadSection(table + (index * entrySize)))];
    }

    public IEnumerable<VersionNeed> VersionNeeds()
    {
        if (Find(VersionNeedTable) is not { } needs)
        {
            yield break;
        }

        int strings = sections[needs.Link].Offset;
        for (int library = needs.Offset; ;)
        {
            int entry = library + (int)Read32(library + 8);
            for (int count = Read16(library + 2); count > 0; count--)
            {
                yield return new(ReadName(strings + (int)Read32(entry + 8)), Read16(entry + 6), Read16(entry + 4), entry + 4);
                entry += (int)Read32(entry + 12);
            }

            uint next = Read32(library + 12);
            if (next == 0)
            {
                yield break;
            }

            library += (int)next;
        }
    }

    public IEnumerable<DynamicSymbol> DynamicSymbols()
    {
        if (Find(DynamicSymbolTable) is not { } symbols || Find(VersionSymbolTable) is not { } versions)
        {
            yield break;
        }

        const int EntrySize = 24;
        int strings = sections[symbols.Link].Offset;
        for (int index = 0; index < symbols.Size / EntrySize; index++)
        {
            int entry = symbols.Offset + (index * EntrySize);
            int name = strings + (int)Read32(entry);
            int version = versions.Offset + (2 * index);
            yield return new(ReadName(name), name, Read16(version), version, IsDefined: Read16(entry + 6) != 0);
        }
    }

    public void Write16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(offset), value);

    private Section? Find(uint type) => sections.FirstOrDefault(section => section.Type == type);

    private Section ReadSection(int at) => new(Read32(at + 4), ReadOffset(at + 24), ReadOffset(at + 32), (int)Read32(at + 40));

    private string ReadName(int at) => Encoding.ASCII.GetString(image, at, Array.IndexOf(image, (byte)0, at) - at);

    private ushort Read16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(at));

    private uint Read32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(at));

    private int ReadOffset(int at) => checked((int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at)));

    private sealed record Section(uint Type, int Offset, int Size, int Link);
}
