using Lora.Checkpoints;

namespace Lora.Hub;

/// <summary>Downloads what is needed of a model into the cache: several files at the same time, each content once, nothing that is there already.</summary>
public sealed class ModelDownload
{
    private readonly HubClient client;
    private readonly HubListing listing;
    private readonly ModelCache cache;
    private readonly HubFile[] files;
    private long replaced;

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

    /// <summary>Whether what is here is held against its hash, and brought anew where it is something else; otherwise its length is believed.</summary>
    public bool Verifies { get; init; }

    /// <summary>Bytes that are not here yet.</summary>
    public long Missing => Contents().Where(file => !IsHere(file)).Sum(file => Math.Max(0, file.Size!.Value - (RegularFile.LengthOf(cache.Incomplete(file.Hash!)) ?? 0)));

    /// <summary>Asks the hub what there is and chooses what is needed; nothing is written.</summary>
    /// <param name="client">Asks the hub, and knows the cache.</param>
    /// <param name="model">The model.</param>
    /// <param name="include">Globs of files that are taken in place of what is needed; none for that.</param>
    /// <param name="exclude">Globs of files that are left out.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <param name="verifies">What <see cref="Verifies"/> says.</param>
    /// <exception cref="LoraException">One of the causes that begin with Hub, or ConfigConflict for globs that leave nothing.</exception>
    public static async Task<ModelDownload> PlanAsync(
        HubClient client, HubModel model, IReadOnlyList<string> include, IReadOnlyList<string> exclude, CancellationToken cancellation, bool verifies = false)
    {
        ArgumentNullException.ThrowIfNull(client);
        new HubCache(client.Options.Cache).Check();
        HubListing listing = await HubListing.ReadAsync(client, model, cancellation).ConfigureAwait(false);
        List<HubFile> files = [];
        foreach (HubFile file in NeededFiles.Of(listing, client.Options.Endpoint.Authority, include, exclude))
        {
            files.Add(file.IsNameable(OperatingSystem.IsWindows()) ? await file.CompleteAsync(client, listing.AtCommit, cancellation).ConfigureAwait(false)
                : throw LoraException.Of(LoraError.HubFailed, file.Path, client.Options.Endpoint.Authority, "a name that Windows can give no file", model, $", '{file.Path}': -Exclude leaves it out"));
        }

        return new(client, listing, [.. files]) { Verifies = verifies };
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
        int large = Contents().Count(file => !IsHere(file) && PartsAhead.IsWorth(file.Size!.Value, client.Options));
        int connections = Math.Max(1, client.Options.Connections / Math.Max(1, large)); // of each of the large files
        (long done, long total) = (0, Contents().Sum(file => file.Size!.Value));
        Action<long> Counter(HubFile file) => count => observer?.Report(new("Downloading", Interlocked.Add(ref done, count), total, WorkUnit.Byte, file.Path));
        try
        {
            ParallelOptions parallel = new() { MaxDegreeOfParallelism = client.Options.Connections, CancellationToken = cancellation };
            await Parallel.ForEachAsync(Contents().OrderByDescending(file => file.Size), parallel, async (file, token) =>
                await BringAsync(file, connections, Counter(file), observer, token).ConfigureAwait(false)).ConfigureAwait(false);
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
            DownloadedSize = missing + replaced,
        };
    }

    /// <summary>Brings one content, and puts it to all the files that have it.</summary>
    private async Task BringAsync(HubFile file, int connections, Action<long> came, IRunObserver? observer, CancellationToken cancellation)
    {
        HubFile[] same = [.. files.Where(other => other.Hash == file.Hash)];
        if (!Verifies && IsHere(file) && same.All(IsPointed))
        {
            came(file.Size!.Value);
            return;
        }

        using FileStream held = await cache.HoldAsync(file.Hash!, () => observer?.OnWarning($"Another program downloads {file.Path} of {listing.Model}: it is waited for."), cancellation).ConfigureAwait(false);
        bool wasHere = IsHere(file);
        if (Verifies)
        {
            await RemoveDamagedAsync(file, same, observer, cancellation).ConfigureAwait(false);
        }

        bool isNew = !System.IO.File.Exists(cache.Blob(file.Hash!));
        if (HasBlob(file) || same.All(IsPointed))
        {
            came(file.Size!.Value);
        }
        else
        {
            observer?.OnStage($"Downloading {file.Path}, {SizeText.Of(file.Size!.Value)}.");
            await new BlobDownload(client, listing.AtCommit, file, cache, connections, came).RunAsync(cancellation).ConfigureAwait(false);
            Interlocked.Add(ref replaced, wasHere ? file.Size!.Value : 0);
        }

        foreach (HubFile other in same.Where(other => !IsPointed(other)))
        {
            await cache.PointAsync(file.Hash!, listing.Commit, other.Path, isNew && same.Length == 1, client.Options.AvoidsLinks, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Removes what has the length of a content and is another: the blob, or the snapshot's own files where there are no links.</summary>
    private async Task RemoveDamagedAsync(HubFile file, HubFile[] same, IRunObserver? observer, CancellationToken cancellation)
    {
        IEnumerable<string> places = same.Select(other => cache.Pointer(listing.Commit, other.Path)).Prepend(cache.Blob(file.Hash!));
        foreach (string path in places.Where(path => RegularFile.LengthOf(path) == file.Size && new FileInfo(path).LinkTarget is null))
        {
            observer?.OnStage($"Checking {file.Path}, {SizeText.Of(file.Size!.Value)}.");
            if (await ContentHash.FaultAsync(path, file.Hash!, cancellation).ConfigureAwait(false) is string fault)
            {
                observer?.OnWarning($"{file.Path} of {listing.Model} is damaged in the cache and is downloaded anew: {fault}.");
                System.IO.File.Delete(path);
            }
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
