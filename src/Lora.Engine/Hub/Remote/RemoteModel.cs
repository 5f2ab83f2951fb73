using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Hub;

/// <summary>
/// The modules of a model on a hub, told from config.json, the shard index and the header of each safetensors file: kilobytes of a model of hundreds of
/// gigabytes, and nothing is kept.
/// </summary>
public static class RemoteModel
{
    private const string Config = "config.json";

    // Each is a few hundred bytes behind two answers: what it costs is waiting.
    private const int Connections = 32;

    // Without an index nothing tells how many tensors a header names; that of a decoder of 30 blocks has this length.
    private const int UsualHeader = 48 << 10;

    /// <summary>Lists the modules.</summary>
    /// <param name="client">Asks the hub.</param>
    /// <param name="model">The model.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="LoraException">One of the causes that begin with Hub, or what is wrong with the files: all of it is reported.</exception>
    public static async Task<ModuleTree> ReadAsync(HubClient client, HubModel model, CancellationToken cancellation)
    {
        HubListing listing = await HubListing.ReadAsync(client, model, cancellation).ConfigureAwait(false);
        Dictionary<string, HubFile> files = listing.Files.Where(file => file.Folder.Length == 0).ToDictionary(file => file.Name, StringComparer.Ordinal);
        RemoteFile Remote(HubFile file) => new(client, listing.AtCommit, file);

        Task<byte[]> config = files.TryGetValue(Config, out HubFile? found) ? Remote(found).ReadAsync(cancellation) : Task.FromResult<byte[]>([]);
        ShardIndex? index = CheckpointFiles.Preferred(files.Keys) is string preferred && CheckpointFiles.IsIndex(preferred)
            ? ShardIndex.Parse(Remote(files[preferred]).ToString(), await Remote(files[preferred]).ReadAsync(cancellation).ConfigureAwait(false), files.Values.ToDictionary(file => file.Name, file => Remote(file).ToString()))
            : null;
        (HubFile File, int Guess)[] shards = Shards(listing, files, index);
        SafetensorsHeader?[] headers = new SafetensorsHeader?[shards.Length];
        List<LoraProblem>[] problems = [.. shards.Select(_ => new List<LoraProblem>())];
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = Connections, CancellationToken = cancellation };
        await Parallel.ForAsync(0, shards.Length, parallel, async (shard, token) =>
            headers[shard] = await Remote(shards[shard].File).ReadHeaderAsync(shards[shard].Guess, problems[shard], token).ConfigureAwait(false)).ConfigureAwait(false);
        LoraException.ThrowIfAny([.. problems.SelectMany(list => list)]);

        using MemoryStream json = new(await config.ConfigureAwait(false));
        TensorInfo[] tensors = [.. ShardHeaders.Join(headers!, index).Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal)];
        return ModuleTree.Of(tensors, ModelIdentity.Parse(json), model.ToString(), values: null);
    }

    /// <summary>The files to read the headers of, and how long each is expected to be.</summary>
    private static (HubFile File, int Guess)[] Shards(HubListing listing, Dictionary<string, HubFile> files, ShardIndex? index)
    {
        if (index is not null)
        {
            return [.. index.Shards.GroupBy(tensor => tensor.Value, tensor => tensor.Key).Select(shard => (files[shard.Key[(shard.Key.LastIndexOf('/') + 1)..]], LengthOf(shard)))];
        }

        string[] names = CheckpointFiles.Preferred(files.Keys) is string one ? [one] : CheckpointFiles.Unnamed(files.Keys.Order(StringComparer.Ordinal));
        LoraException.ThrowIfAny([.. ShardNumbers.Missing(names).Select(name => new LoraProblem(LoraError.ShardMissing, listing.Model.Name, listing.Model, name))]);
        return names.Length > 0 ? [.. names.Select(name => (files[name], UsualHeader))] : throw NoWeights(listing);
    }

    /// <summary>The most bytes that a header of tensors of these names has: a name, dtype, shape and offsets each, in JSON.</summary>
    private static int LengthOf(IEnumerable<string> names)
    {
        const int Entry = 128;
        const int Metadata = 256;
        return names.Sum(name => name.Length + Entry) + Metadata;
    }

    private static LoraException NoWeights(HubListing listing)
    {
        if (listing.Files.Any(file => file.Folder.Length == 0 && file.Name == AdapterConfigJson.FileName))
        {
            return LoraException.Of(LoraError.NotAModel, listing.Model.Name, listing.Model, "it is an adapter, whose base model has the modules");
        }

        string[] below = [.. listing.Files.Where(file => file.Folder.Length > 0 && file.Name.EndsWith(".safetensors", StringComparison.Ordinal)).Select(file => file.Folder).Distinct()];
        return LoraException.Of(
            LoraError.NoSafetensors, listing.Model.Name, listing.Model, below.Length == 0 ? "" : $" There are models in {string.Join(", ", below)}, which are listed once Install-LoraModel has downloaded them.");
    }
}
