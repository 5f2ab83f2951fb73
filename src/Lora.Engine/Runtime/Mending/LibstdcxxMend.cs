using System.Text;

namespace Lora.Runtime;

/// <summary>What <see cref="LibstdcxxMend"/> did to a library.</summary>
internal enum MendResult
{
    /// <summary>The library did not need the newer symbol version.</summary>
    NotNeeded,

    /// <summary>The library had been mended before.</summary>
    AlreadyMended,

    /// <summary>The library was changed.</summary>
    Mended,
}

/// <summary>
/// Lets a library that was linked against GCC 13's libstdc++ load on an older one (Debian 12, Ubuntu 22.04).
/// The only thing it takes from GLIBCXX_3.4.32 is <c>std::ios_base_library_init()</c>, a reference that pulls in the stream
/// initialiser and is never called. The mend points that symbol at <c>std::ios_base::Init::Init()</c>, which every
/// libstdc++ has under GLIBCXX_3.4, and marks the newer version as a weak need.
/// </summary>
internal static class LibstdcxxMend
{
    /// <summary>The symbol version that older systems lack.</summary>
    public const string NewVersion = "GLIBCXX_3.4.32";

    private const string BaseVersion = "GLIBCXX_3.4";
    private const string NewSymbol = "_ZSt21ios_base_library_initv";
    private const string OldSymbol = "_ZNSt8ios_base4InitC1Ev";
    private const ushort WeakFlag = 2;

    /// <summary>Mends the file in place: a temporary file beside it, then a rename.</summary>
    public static MendResult MendFile(string path)
    {
        byte[] image = File.ReadAllBytes(path);
        MendResult result = Mend(image);
        if (result == MendResult.Mended)
        {
            string temporary = path + ".tmp";
            File.WriteAllBytes(temporary, image);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(temporary, File.GetUnixFileMode(path));
            }

            // The build copies a library again only when its time differs from the package's.
            File.SetLastWriteTimeUtc(temporary, File.GetLastWriteTimeUtc(path));

            File.Move(temporary, path, overwrite: true);
        }

        return result;
    }

    /// <summary>Mends an image in memory.</summary>
    /// <exception cref="InvalidDataException">Not an ELF64 file, or another symbol needs the newer version too.</exception>
    public static MendResult Mend(byte[] image)
    {
        Elf64 elf = new(image);
        if (elf.VersionNeeds().SingleOrDefault(need => need.Name == NewVersion) is not { } newer)
        {
            return MendResult.NotNeeded;
        }

        if ((newer.Flags & WeakFlag) != 0)
        {
            return MendResult.AlreadyMended;
        }

        VersionNeed older = elf.VersionNeeds().FirstOrDefault(need => need.Name == BaseVersion)
            ?? throw new InvalidDataException($"The library needs {NewVersion} but not {BaseVersion}: it cannot be mended.");

        foreach (DynamicSymbol symbol in elf.DynamicSymbols().Where(symbol => symbol.VersionIndex == newer.Index))
        {
            if (symbol.Name != NewSymbol || symbol.IsDefined)
            {
                throw new InvalidDataException($"The library needs {symbol.Name}@{NewVersion}: a newer libstdc++ has to be installed.");
            }

            image.AsSpan(symbol.NameOffset, NewSymbol.Length).Clear();
            Encoding.ASCII.GetBytes(OldSymbol, image.AsSpan(symbol.NameOffset));
            elf.Write16(symbol.VersionOffset, older.Index);
        }

        elf.Write16(newer.FlagsOffset, (ushort)(newer.Flags | WeakFlag));
        return MendResult.Mended;
    }
}
