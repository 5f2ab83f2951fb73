using Lora.Checkpoints;
using Lora.Tests.Checkpoints;

namespace Lora.Bench;

/// <summary>Listing the modules of a checkpoint with the shape of Llama 3.1 405B: 191 shards, headers only.</summary>
internal static class ListBenchmark
{
    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lora-bench-").FullName;
        try
        {
            SparseCheckpoint.WriteLlama405B(folder);
            int modules = ModuleTree.Read(folder).Modules.Count;
            Table.Head("listing 405B", "ms, median (range)");
            Table.Row($"{modules} modules of 191 shards", Measurement.Of(() => ModuleTree.Read(folder), repetitions: 21).Milliseconds());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
