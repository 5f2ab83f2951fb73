using System.Security.Cryptography;
using Lora.Checkpoints;
using Lora.Native;

namespace Lora.Runtime;

/// <summary>
/// Installs the native libraries for the user, out of the NuGet packages that the module was built with. Packages are fetched into a folder that what
/// was cut stays in; the libraries are unpacked beside their folder, which appears by one rename. One process at a time does so, by a lock file that stays.
/// </summary>
public static class RuntimeInstaller
{
    internal const string Lock = ".lock";
    private const int UnpackedByPacked = 2; // of CUDA's libraries, whose size is known when they are here; the processor's are known

    /// <summary>Where a runtime is installed; null for a user without a folder for data.</summary>
    public static string? Folder(LoraBackend backend) => UserRuntime.Root is string root ? UserRuntime.Folder(root, backend, NativePlatform.Identifier) : null;

    /// <summary>Installs a runtime, unless it is there.</summary>
    /// <param name="options">Which, and from where.</param>
    /// <param name="observer">Is told of stages, bytes and warnings.</param>
    /// <param name="cancellation">Ends the work soon; what was fetched stays, and the next installation goes on with it.</param>
    /// <exception cref="LoraException">RuntimeUnavailable, PackageSourceUnreachable, RuntimePackageNotFound, RuntimePackageInvalid, DiskRoomInsufficient or
    /// OutputFailed. Nothing is installed then.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static LoraRuntime Install(RuntimeOptions options, IRunObserver observer, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(observer);
        IReadOnlyList<RuntimePackage> packages = options.Packages ?? RuntimePackage.Of(options.Backend, options.Platform);
        string root = options.Root ?? throw LoraException.Of(LoraError.OutputFailed, null, "Lora/runtime", "this user has no folder for application data");
        string folder = UserRuntime.Folder(root, options.Backend, options.Platform);
        try
        {
            using OutputFolder place = new(root);
            using FileStream held = LockFile.HoldAsync(
                Path.Combine(root, Lock), () => observer.OnStage("Another session installs a runtime; waiting for it."), cancellation).GetAwaiter().GetResult();
            if (!options.Overwrite && Directory.Exists(folder))
            {
                observer.OnStage($"The runtime is in '{folder}' already.");
            }
            else
            {
                RuntimeStage.RemoveLeftovers(folder);
                using Downloads downloads = new(Path.Combine(root, ".downloads"));
                InstallAsync(packages, options, downloads, folder, observer, cancellation).GetAwaiter().GetResult();
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.OutputFailed, folder, folder, exception.Message);
        }

        return new()
        {
            Backend = options.Backend,
            Platform = options.Platform,
            Version = UserRuntime.Version,
            Path = folder,
            Size = new DirectoryInfo(folder).EnumerateFiles().Sum(file => file.Length),
        };
    }

    private static async Task InstallAsync(
        IReadOnlyList<RuntimePackage> packages, RuntimeOptions options, Downloads downloads, string folder, IRunObserver observer, CancellationToken cancellation)
    {
        PackageFeed feed = await PackageFeed.OpenAsync(options.Source, cancellation).ConfigureAwait(false);
        observer.OnStage($"Looking for {string.Join(" and ", packages)} in '{feed.Name}'.");
        IReadOnlyList<FoundPackage> found = await FindAsync(packages, feed, cancellation).ConfigureAwait(false);
        long fetched = feed is FolderFeed ? 0 : Math.Max(found.Sum(package => package.Length) - downloads.Size, 0);
        DiskRoom.Check(options.Root!, fetched + found.Sum(package => package.Package.Unpacked ?? (UnpackedByPacked * package.Length)), Path.GetFileName(folder), options.Room);

        List<string> files = [];
        long done = 0;
        long all = found.Sum(package => package.Length);
        foreach (FoundPackage package in found)
        {
            files.Add(await FetchAsync(package, feed, downloads, bytes => observer.Report(new("Fetching packages", done + bytes, all, WorkUnit.Byte, package.Package.Id)), observer, cancellation).ConfigureAwait(false));
            done += package.Length;
        }

        Unpack(files, feed, options, folder, observer, cancellation);
        downloads.Clear();
    }

    private static async Task<IReadOnlyList<FoundPackage>> FindAsync(IEnumerable<RuntimePackage> packages, PackageFeed feed, CancellationToken cancellation)
    {
        List<FoundPackage> found = [];
        Queue<RuntimePackage> open = new(packages);
        HashSet<string> known = new(packages.Select(package => package.Id), StringComparer.OrdinalIgnoreCase);
        while (open.TryDequeue(out RuntimePackage? package))
        {
            found.Add(await feed.FindAsync(package, cancellation).ConfigureAwait(false));
            foreach (RuntimePackage part in found[^1].Parts.Where(part => known.Add(part.Id)))
            {
                open.Enqueue(part);
            }
        }

        return found;
    }

    /// <summary>The path of a package whose file is what it should be. One that was gone on with, and is not, is fetched once more from its beginning.</summary>
    private static async Task<string> FetchAsync(
        FoundPackage package, PackageFeed feed, Downloads downloads, Action<long> report, IRunObserver observer, CancellationToken cancellation)
    {
        string name = downloads.PathOf(package.Package);
        for (bool isSecond = false; ; isSecond = true)
        {
            string file = await feed.FetchAsync(package, name, report, cancellation).ConfigureAwait(false);
            if (package.Hash is null)
            {
                observer.OnWarning($"Nobody says what the hash of {package.Package} is: neither this module nor '{feed.Name}'. It is taken as it came.");
                return file;
            }

            string hash;
            using (FileStream stream = File.OpenRead(file))
            {
                hash = Convert.ToBase64String(await SHA512.HashDataAsync(stream, cancellation).ConfigureAwait(false));
            }

            if (hash == package.Hash)
            {
                return file;
            }

            if (file == name)
            {
                FileChanges.Delete(file);
            }

            if (isSecond || file != name)
            {
                throw LoraException.Of(LoraError.RuntimePackageInvalid, package.Package.Id, package.Package, feed.Name, $"its SHA-512 is {hash}, and {package.Hash} is expected");
            }
        }
    }

    private static void Unpack(IReadOnlyList<string> packages, PackageFeed feed, RuntimeOptions options, string folder, IRunObserver observer, CancellationToken cancellation)
    {
        try
        {
            using RuntimeFiles files = new(packages, options.Platform);
            if (files.Missing(options.Backend, options.Platform) is { Count: > 0 } missing)
            {
                throw new InvalidDataException($"they lack {string.Join(", ", missing)}");
            }

            long size = files.Size;
            DiskRoom.Check(options.Root!, size, Path.GetFileName(folder), options.Room);
            observer.OnStage($"Unpacking {files.Names.Count()} files to '{folder}'.");
            using RuntimeStage stage = new(folder);
            files.WriteTo(stage.Path, bytes => observer.Report(new("Unpacking", bytes, size, WorkUnit.Byte)), cancellation);
            if (options.Platform.StartsWith("linux", StringComparison.Ordinal) && !options.HasLibstdcxx())
            {
                observer.OnStage($"{LibstdcxxMend.MendFile(Path.Combine(stage.Path, NativePlatform.FileName(NativeFolder.Bridge, options.Platform)))} for this system's libstdc++.");
            }

            cancellation.ThrowIfCancellationRequested();
            stage.Publish();
        }
        catch (InvalidDataException exception)
        {
            throw LoraException.From(exception, LoraError.RuntimePackageInvalid, feed.Name, string.Join(", ", packages.Select(path => Path.GetFileName(path))), feed.Name, exception.Message);
        }
    }
}
