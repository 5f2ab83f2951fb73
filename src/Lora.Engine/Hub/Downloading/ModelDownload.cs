using System.Globalization;
using Lora.Checkpoints;

namespace Lora.Hub;

/// <summary>Downloads what is needed of a model into the cache: several files at the same time, each content once, nothing that is there already.</summary>
public sealed class ModelDownload
{
    private readonly HubClient client;
    private readonly HubListing listing;
    private readonly ModelCache cache;
    private readonly HubFile[] files;

    private ModelDownload(HubClient client, HubListing listing, HubFile[] files)
    {
        this.client = client;
        this.listing = listing;
        this.files = files;
        cache = new(client.Options.Cache, listing.Model.Name);
    }

    /// <summary>The model at its commit.</summary>
    public HubModel Model => listing.AtCommit;

    /// <summary>The folder that the files will be in.</summary>
    public string Path => cache.Snapshot(listing.Commit);

    /// <summary>The files.</summary>
    public IReadOnlyList<HubFile> Files => files;

    /// <summary>Bytes of all the files.</summary>
    public long Size => files.Sum(file => file.Size!.Value);

    /// <summary>Bytes that are not here yet.</summary>
    public long Missing => Contents().Where(file => !IsHere(file)).Sum(file => Math.Max(0, file.Size!.Value - (RegularFile.LengthOf(cache.Incomplete(file.Hash!)) ?? 0)));

    /// <summary>Asks the hub what there is and chooses what is needed; nothing is written.</summary>
    /// <param name="client">Asks the hub, and knows the cache.</param>
    /// <param name="model">The model.</param>
    /// <param name="include">Globs of files that are taken in place of what is needed; none for that.</param>
    /// <param name="exclude">Globs of files that are left out.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="LoraException">One of the causes that begin with Hub.</exception>
    public static async Task<ModelDownload> PlanAsync(HubClient client, HubModel model, IReadOnlyList<string> include, IReadOnlyList<string> exclude, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(client);
        HubListing listing = await HubListing.ReadAsync(client, model, cancellation).ConfigureAwait(false);
        List<HubFile> files = [];
        foreach (HubFile file in NeededFiles.Of(listing, client.Options.Endpoint.Authority, include, exclude))
        {
            files.Add(file.IsNameable(OperatingSystem.IsWindows()) ? await file.CompleteAsync(client, listing.AtCommit, cancellation).ConfigureAwait(false)
                : throw LoraException.Of(LoraError.HubFailed, file.Path, client.Options.Endpoint.Authority, "a name that Windows can give no file", model, $", '{file.Path}': -Exclude leaves it out"));
        }

        return new(client, listing, [.. files]);
    }

    /// <summary>
    /// Downloads. Whenever it ends, by a failure, a cancellation or with the process, what came is kept, and the next one goes on from there; the branch's
    /// name stands for the new commit only when all of it is here.
    /// </summary>
    /// <param name="observer">Told of bytes and of what happens, on any thread; null for nobody.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="LoraException">One of the causes that begin with Hub, DiskRoomInsufficient or OutputFailed.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public async Task<LoraInstalledModel> RunAsync(IRunObserver? observer, CancellationToken cancellation)
    {
        long missing = Missing;
        DiskRoom.Check(client.Options.Cache, missing, listing.Model.ToString());
        (long done, long total) = (0, Contents().Sum(file => file.Size!.Value));
        Action<long> Counter(HubFile file) => count => observer?.Report(new("Downloading", Interlocked.Add(ref done, count), total, WorkUnit.Byte, file.Path));
        try
        {
            ParallelOptions parallel = new() { MaxDegreeOfParallelism = client.Options.Connections, CancellationToken = cancellation };
            await Parallel.ForEachAsync(Contents().OrderByDescending(file => file.Size), parallel, async (file, token) =>
                await BringAsync(file, Counter(file), observer, token).ConfigureAwait(false)).ConfigureAwait(false);
            cache.Refer(listing.Model.Revision, listing.Commit);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.OutputFailed, cache.Folder, cache.Folder, exception.Message);
        }

        return new()
        {
            Name = listing.Model.Name,
            Revision = listing.Model.Revision,
            Commit = listing.Commit,
            Path = Path,
            File = [.. files.Select(file => file.Path)],
            Size = Size,
            DownloadedSize = missing,
        };
    }

    /// <summary>Brings one content, and puts it to all the files that have it.</summary>
    private async Task BringAsync(HubFile file, Action<long> came, IRunObserver? observer, CancellationToken cancellation)
    {
        HubFile[] same = [.. files.Where(other => other.Hash == file.Hash)];
        if (IsHere(file) && same.All(IsPointed))
        {
            came(file.Size!.Value);
            return;
        }

        using FileStream held = await cache.HoldAsync(file.Hash!, () => observer?.OnWarning($"Another program downloads {file.Path} of {listing.Model}: it is waited for."), cancellation).ConfigureAwait(false);
        bool isNew = !System.IO.File.Exists(cache.Blob(file.Hash!));
        if (HasBlob(file) || same.All(IsPointed))
        {
            came(file.Size!.Value);
        }
        else
        {
            observer?.OnStage(string.Create(CultureInfo.InvariantCulture, $"Downloading {file.Path}, {file.Size!.Value / 1e6:N1} MB."));
            await new BlobDownload(client, listing.AtCommit, file, cache, came).RunAsync(cancellation).ConfigureAwait(false);
        }

        foreach (HubFile other in same.Where(other => !IsPointed(other)))
        {
            cache.Point(file.Hash!, listing.Commit, other.Path, isNew && same.Length == 1, client.Options.AvoidsLinks);
        }
    }

    /// <summary>The files without those whose content another has too.</summary>
    private IEnumerable<HubFile> Contents() => files.DistinctBy(file => file.Hash);

    // Without links the snapshot has the content and there is no blob.
    private bool IsHere(HubFile file) => HasBlob(file) || IsPointed(file);

    // One of another length was cut, by a full disk or by whatever wrote it.
    private bool HasBlob(HubFile file) => RegularFile.LengthOf(cache.Blob(file.Hash!)) == file.Size;

    private bool IsPointed(HubFile file) => RegularFile.LengthOf(cache.Pointer(listing.Commit, file.Path)) == file.Size;
}
