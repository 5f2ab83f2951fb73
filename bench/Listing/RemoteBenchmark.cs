using System.Buffers.Binary;
using System.Globalization;
using Lora.Hub;
using Lora.Tests.Checkpoints;
using Lora.Tests.Hubs;

namespace Lora.Bench;

/// <summary>Listing the modules of a model with the shape of Llama 3.1 405B on a hub whose every answer takes 50 ms: time, bytes and requests.</summary>
internal static class RemoteBenchmark
{
    private const string Name = "org/model";

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lora-bench-").FullName;
        try
        {
            SparseCheckpoint.WriteLlama405B(folder);
            using LocalHub hub = new() { Latency = TimeSpan.FromMilliseconds(50) };
            hub.Add(Name, Directory.GetFiles(folder).ToDictionary(file => Path.GetFileName(file), Read));
            int modules = List(hub);
            (long bytes, int requests) = (hub.SentBytes, hub.Requests.Count);
            Table.Head("listing 405B from a hub, 50 ms an answer", "ms, median (range)", "MB", "requests");
            Table.Row(
                $"{modules} modules of 191 shards",
                Measurement.Of(() => List(hub), repetitions: 5).Milliseconds(),
                (bytes / 1e6).ToString("0.00", CultureInfo.InvariantCulture),
                requests.ToString(CultureInfo.InvariantCulture));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // A client of its own each time, as a command has: its connections are new.
    private static int List(LocalHub hub)
    {
        using HubClient client = new(new() { Cache = Path.GetTempPath(), Endpoint = new(hub.Address), Token = HubToken.Of(hub.Token) });
        return RemoteModel.ReadAsync(client, new(Name), CancellationToken.None).GetAwaiter().GetResult().Modules.Count;
    }

    /// <summary>A file; of a shard its header and its length.</summary>
    private static LocalFile Read(string path)
    {
        if (!path.EndsWith(".safetensors", StringComparison.Ordinal))
        {
            return new(File.ReadAllBytes(path));
        }

        using FileStream stream = File.OpenRead(path);
        byte[] length = new byte[sizeof(long)];
        stream.ReadExactly(length);
        byte[] header = new byte[BinaryPrimitives.ReadInt64LittleEndian(length)];
        stream.ReadExactly(header);
        return new([.. length, .. header], stream.Length, isLarge: true);
    }
}
