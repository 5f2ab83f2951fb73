using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Lora.Native;

namespace Lora.Runtime;

/// <summary>
/// The files of packages that are needed at run time: the native libraries of one platform, and the terms that they come under. A library that is too
/// large for one package lies in several, <c>runtimes/RID/native/X</c> and <c>fragments/RID/native/X.fragment1</c> and on, with its SHA-256 in <c>X.sha</c>.
/// </summary>
internal sealed partial class RuntimeFiles : IDisposable
{
    private const int BufferBytes = 1 << 20;
    private const string HashEnding = ".sha";
    private const string License = "LICENSE-";

    private readonly ZipArchive[] archives;
    private readonly NeededFile[] files;

    /// <param name="packages">The paths of the packages' files.</param>
    /// <param name="platform">The platform, as NuGet names it.</param>
    /// <exception cref="InvalidDataException">One is no zip file.</exception>
    public RuntimeFiles(IEnumerable<string> packages, string platform)
    {
        archives = [.. packages.Select(ZipFile.OpenRead)];
        ZipArchiveEntry[] entries = [.. archives.SelectMany(archive => archive.Entries)];
        Dictionary<string, ZipArchiveEntry> natives = Below(entries, $"runtimes/{platform}/native/");
        ILookup<string, (int Number, ZipArchiveEntry Entry)> fragments = Below(entries, $"fragments/{platform}/native/")
            .Select(entry => (Match: Fragment().Match(entry.Key), Entry: entry.Value))
            .Where(entry => entry.Match.Success)
            .ToLookup(entry => entry.Match.Groups[1].Value, entry => (int.Parse(entry.Match.Groups[2].Value, CultureInfo.InvariantCulture), entry.Entry));
        files =
        [
            .. natives.Where(entry => IsNeeded(entry.Key)).Select(entry => new NeededFile(
                entry.Key, [entry.Value, .. fragments[entry.Key].OrderBy(fragment => fragment.Number).Select(fragment => fragment.Entry)], natives.GetValueOrDefault(entry.Key + HashEnding))),
            .. Below(entries, "").Where(entry => entry.Key.StartsWith(License, StringComparison.Ordinal)).Select(entry => new NeededFile(entry.Key, [entry.Value], null)),
        ];
    }

    /// <summary>Their names.</summary>
    public IEnumerable<string> Names => files.Select(file => file.Name);

    /// <summary>Their bytes, unpacked.</summary>
    public long Size => files.Sum(file => file.Parts.Sum(part => part.Length));

    /// <summary>Whether a file of a package is needed: Python's bindings and libtorch's tests of itself are not, and nothing loads them.</summary>
    /// <param name="name">The file's name.</param>
    // LayOutModule.targets has the same rule for the build.
    public static bool IsNeeded(string name) => !name.EndsWith(HashEnding, StringComparison.Ordinal) && !NotNeeded().IsMatch(Path.GetFileNameWithoutExtension(name));

    /// <summary>The libraries without which nothing runs, and which none of the packages has.</summary>
    public IReadOnlyList<string> Missing(LoraBackend backend, string platform)
    {
        string[] libraries = [NativeFolder.Torch, "c10", NativeFolder.Bridge, .. backend == LoraBackend.Cuda ? new[] { "c10_cuda", "torch_cuda" } : []];
        return [.. libraries.Select(library => NativePlatform.FileName(library, platform)).Except(Names)];
    }

    /// <summary>Writes them.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="report">Told how many bytes are written.</param>
    /// <param name="cancellation">Ends the work soon.</param>
    /// <exception cref="InvalidDataException">A library is not what its hash says.</exception>
    public void WriteTo(string folder, Action<long> report, CancellationToken cancellation)
    {
        byte[] buffer = new byte[BufferBytes];
        long written = 0;
        foreach (NeededFile file in files)
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using FileStream stream = new(Path.Combine(folder, file.Name), FileMode.CreateNew, FileAccess.Write, FileShare.None);
            foreach (ZipArchiveEntry part in file.Parts)
            {
                using Stream source = part.Open();
                while (source.Read(buffer) is int count and > 0)
                {
                    cancellation.ThrowIfCancellationRequested();
                    stream.Write(buffer, 0, count);
                    if (file.Hash is not null)
                    {
                        hash.AppendData(buffer, 0, count);
                    }

                    report(written += count);
                }
            }

            stream.Flush(flushToDisk: true);
            if (file.Hash is not null && TextOf(file.Hash) is string expected && Convert.ToHexStringLower(hash.GetHashAndReset()) is string found && !string.Equals(found, expected, StringComparison.OrdinalIgnoreCase))
            {
                throw new InvalidDataException($"{file.Name}, put together of {file.Parts.Count} parts, has the SHA-256 {found}, and {expected} is expected");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(archives, archive => archive.Dispose());

    // Names in a package are written as in an address.
    private static Dictionary<string, ZipArchiveEntry> Below(IEnumerable<ZipArchiveEntry> entries, string folder) => entries
        .Select(entry => (Name: Uri.UnescapeDataString(entry.FullName), Entry: entry))
        .Where(entry => entry.Name.StartsWith(folder, StringComparison.OrdinalIgnoreCase))
        .Select(entry => (Name: entry.Name[folder.Length..], entry.Entry))
        .Where(entry => entry.Name is not ("" or "." or "..") && entry.Name.IndexOfAny(['/', '\\', ':']) < 0) // none leads out of the folder, or into a stream
        .DistinctBy(entry => entry.Name)
        .ToDictionary(entry => entry.Name, entry => entry.Entry, StringComparer.Ordinal);

    private static string TextOf(ZipArchiveEntry entry)
    {
        using StreamReader reader = new(entry.Open(), Encoding.UTF8);
        return reader.ReadToEnd().Trim();
    }

    [GeneratedRegex(@"(libtorch_python|torch_python|_test$|jitbackend|libshm|^shm$|aoti_custom_ops|nnapi_backend|backend_with_compiler)")]
    private static partial Regex NotNeeded();

    [GeneratedRegex(@"^(.+)\.fragment(\d{1,4})$")]
    private static partial Regex Fragment();

    private sealed record NeededFile(string Name, IReadOnlyList<ZipArchiveEntry> Parts, ZipArchiveEntry? Hash);
}
