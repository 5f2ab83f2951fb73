using System.Xml;
using System.Xml.Linq;
using NuGet.Configuration;
using NuGet.Versioning;

namespace Lora.Runtime;

/// <summary>A package as a feed has it.</summary>
/// <param name="Package">Which one.</param>
/// <param name="Place">Its file's path or address.</param>
/// <param name="Length">Bytes of its file.</param>
/// <param name="Hash">What its SHA-512 must be, in base 64: what is known of it, else what the feed says; null where the feed does not.</param>
/// <param name="Parts">The packages of libtorch that it names as its own: CUDA's are too large for one.</param>
internal sealed record FoundPackage(RuntimePackage Package, string Place, long Length, string? Hash, IReadOnlyList<RuntimePackage> Parts);

/// <summary>Where packages come from: a folder, or a feed with version 3 of NuGet's protocol.</summary>
internal abstract class PackageFeed(string name)
{
    // TorchSharp names packages too, of managed code that the engine does without.
    private const string PartPrefix = "libtorch-";

    /// <summary>What it is called in messages.</summary>
    public string Name => name;

    /// <summary>Looks for a source and asks it what it is.</summary>
    /// <param name="source">A folder, an address, or the name of a source in the user's NuGet.Config, whose credentials are used; null for the public feed.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="LoraException">PackageSourceUnreachable.</exception>
    public static async Task<PackageFeed> OpenAsync(string? source, CancellationToken cancellation)
    {
        if (source is not null && Directory.Exists(source))
        {
            return new FolderFeed(source);
        }

        PackageSource found = Find(source ?? NuGetConstants.V3FeedUrl);
        return found.IsHttp ? await HttpFeed.OpenAsync(found, cancellation).ConfigureAwait(false)
            : found.IsLocal && Directory.Exists(found.Source) ? new FolderFeed(found.Source)
            : throw LoraException.Of(LoraError.PackageSourceUnreachable, null, RuntimeOptions.NameOf(source ?? ""), "it is no folder, no address that begins with http, and no source of NuGet.Config");
    }

    /// <summary>Looks for a package.</summary>
    /// <exception cref="LoraException">RuntimePackageNotFound or PackageSourceUnreachable.</exception>
    public abstract Task<FoundPackage> FindAsync(RuntimePackage package, CancellationToken cancellation);

    /// <summary>The path of a package's file, which is fetched where it is not on this machine; not yet held against its hash.</summary>
    /// <param name="found">The package.</param>
    /// <param name="file">Where what is fetched goes.</param>
    /// <param name="report">Told how many bytes are there.</param>
    /// <param name="cancellation">Ends the work; what is there by then stays, and is gone on with.</param>
    /// <exception cref="LoraException">PackageSourceUnreachable.</exception>
    public abstract Task<string> FetchAsync(FoundPackage found, string file, Action<long> report, CancellationToken cancellation);

    /// <summary>The parts that a package's nuspec names.</summary>
    /// <exception cref="XmlException">It is not XML.</exception>
    /// <exception cref="InvalidDataException">A part has no version.</exception>
    protected static IReadOnlyList<RuntimePackage> Parts(Stream nuspec) =>
    [
        .. XDocument.Load(nuspec).Descendants()
            .Where(element => element.Name.LocalName == "dependency" && ((string?)element.Attribute("id"))?.StartsWith(PartPrefix, StringComparison.OrdinalIgnoreCase) == true)
            .Select(element => Part((string)element.Attribute("id")!, (string?)element.Attribute("version") ?? ""))
            .Distinct(),
    ];

    private static RuntimePackage Part(string id, string version) => VersionRange.TryParse(version, out VersionRange? range) && range.MinVersion is NuGetVersion least
        ? new(id, least.ToNormalizedString())
        : throw new InvalidDataException($"it names its part {id} in the version '{version}', which is none");

    // The user's own file alone: one that lies in the current folder may be anybody's. It is not written, as NuGet's own way of reading it may.
    private static PackageSource Find(string source)
    {
        string file = Path.Combine(NuGet.Common.NuGetEnvironment.GetFolderPath(NuGet.Common.NuGetFolderPath.UserSettingsDirectory), Settings.DefaultSettingsFileName);
        IEnumerable<PackageSource> known = File.Exists(file) ? PackageSourceProvider.LoadPackageSources(Settings.LoadSettingsGivenConfigPaths([file])) : [];
        return known.FirstOrDefault(entry => string.Equals(entry.Name, source, StringComparison.OrdinalIgnoreCase) || string.Equals(entry.Source, source, StringComparison.OrdinalIgnoreCase))
            ?? new PackageSource(source);
    }
}
