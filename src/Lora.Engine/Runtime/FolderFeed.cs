using System.IO.Compression;
using System.Xml;

namespace Lora.Runtime;

/// <summary>A folder of packages: their files side by side, or as NuGet's own folder of packages has them. They are read where they lie.</summary>
/// <param name="folder">The folder.</param>
internal sealed class FolderFeed(string folder) : PackageFeed(folder)
{
    /// <inheritdoc/>
    public override Task<FoundPackage> FindAsync(RuntimePackage package, CancellationToken cancellation)
    {
        string path = PathOf(package) ?? throw LoraException.Of(LoraError.RuntimePackageNotFound, package.Id, Name, package);
        string hash = path + ".sha512";
        return Task.FromResult<FoundPackage>(new(package, path, new FileInfo(path).Length, package.Hash ?? (File.Exists(hash) ? File.ReadAllText(hash).Trim() : null), Parts(package, path)));
    }

    /// <inheritdoc/>
    public override Task<string> FetchAsync(FoundPackage found, string file, Action<long> report, CancellationToken cancellation)
    {
        report(found.Length);
        return Task.FromResult(found.Place);
    }

    private string? PathOf(RuntimePackage package) => new[] { Name, Path.Combine(Name, package.Id.ToLowerInvariant(), package.Version) }
        .Where(Directory.Exists)
        .SelectMany(place => Directory.EnumerateFiles(place, "*.nupkg"))
        .FirstOrDefault(file => string.Equals(Path.GetFileName(file), $"{package.Id}.{package.Version}.nupkg", StringComparison.OrdinalIgnoreCase));

    private IReadOnlyList<RuntimePackage> Parts(RuntimePackage package, string path)
    {
        try
        {
            using ZipArchive archive = ZipFile.OpenRead(path);
            ZipArchiveEntry nuspec = archive.Entries.FirstOrDefault(entry => entry.FullName.EndsWith(".nuspec", StringComparison.OrdinalIgnoreCase))
                ?? throw new InvalidDataException("it has no nuspec");
            using Stream stream = nuspec.Open();
            return Parts(stream);
        }
        catch (Exception exception) when (exception is InvalidDataException or XmlException)
        {
            throw LoraException.From(exception, LoraError.RuntimePackageInvalid, path, package, Name, $"it is no package: {exception.Message.TrimEnd('.')}");
        }
    }
}
