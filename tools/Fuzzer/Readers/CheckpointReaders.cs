using Lora.Checkpoints;
using Lora.Models;

namespace Lora.Tools.Fuzzer;

/// <summary>What a model's folder says of itself: headers, index, config.json.</summary>
internal static class CheckpointReaders
{
    private const string Config = "config.json";
    private const string Weights = "model.safetensors";
    private const string Index = "model.safetensors.index.json";
    private static readonly string[] Families = ["llama3", "gemma", "gemma2", "phi3", "qwen2", "qwen3", "mistral", "llama_linear", "llama_tied_headdim", "gpt2", "gpt_neox", "opt", "qwen3_moe"];
    private static readonly string[] ConfigNames = [Config, "config.v5.json"];

    public static IReadOnlyList<Reader> All { get; } =
        [new("safetensors", 150, Safetensors), new("shard-index", 90, ShardIndex), new("config", 100, ModelConfig)];

    /// <summary>The config.json of each family, in the forms of both generations, in a folder of its own.</summary>
    public static Func<Random, Input> Configs()
    {
        (string Family, JsonDamage Damage)[] configs = [.. from folder in Families.Select(RealFiles.Family).Concat(RealFiles.Configurations())
            from name in ConfigNames
            let file = Path.Combine(folder, name)
            where File.Exists(file)
            select (Path.GetFileName(folder), new JsonDamage(File.ReadAllBytes(file)))];
        byte[] first = File.ReadAllBytes(Path.Combine(RealFiles.Family(Families[0]), Config));
        return random =>
        {
            (string family, JsonDamage damage) = random.Any(configs);
            return new(Path.Combine(family, Config), random.Next(5) == 0 ? ByteDamage.Apply(first, random) : damage.Apply(random));
        };
    }

    /// <summary>Puts the families' models into a folder; configurations that have no weights get those of the first.</summary>
    public static void CopyFamilies(string folder)
    {
        Array.ForEach(Families, family => RealFiles.Copy(RealFiles.Family(family), Path.Combine(folder, family), Config, Weights));
        Array.ForEach(RealFiles.Configurations(), alone => RealFiles.Copy(RealFiles.Family(Families[0]), Path.Combine(folder, Path.GetFileName(alone)), Weights));
    }

    private static OpenReader Safetensors(string folder)
    {
        RealFiles.Copy(RealFiles.Family("llama3"), folder, Config, Weights);
        SafetensorsDamage damage = new(Path.Combine(folder, Weights));
        return new(random => new(Weights, damage.Apply(random)), _ => ReadAll(folder));
    }

    private static OpenReader ShardIndex(string folder)
    {
        string[] shards = [.. Enumerable.Range(1, 4).Select(number => $"model-0000{number}-of-00004.safetensors")];
        RealFiles.Copy(RealFiles.Family("qwen2_sharded"), folder, [Config, Index, .. shards]);
        byte[] whole = File.ReadAllBytes(Path.Combine(folder, Index));
        JsonDamage damage = new(whole);
        return new(random => new(Index, random.Next(3) == 0 ? ByteDamage.Apply(whole, random) : damage.Apply(random)), _ => ReadAll(folder));
    }

    private static OpenReader ModelConfig(string folder)
    {
        CopyFamilies(folder);
        return new(Configs(), input =>
        {
            string model = Path.Combine(folder, Path.GetDirectoryName(input.File)!);
            ModuleTree.Read(model); // a list needs no config.json, so that none is ever refused by it
            ModelConfigReader.Read(model);
        });
    }

    /// <summary>Reads headers, modules and every value.</summary>
    private static void ReadAll(string folder)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        ModuleTree.Read(folder);
        foreach (TensorInfo tensor in checkpoint.Tensors)
        {
            checkpoint.Read(tensor, new byte[tensor.Length]);
        }
    }
}
