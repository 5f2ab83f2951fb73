using Lora.Adapters;
using Lora.Training;

namespace Lora.Tools.Fuzzer;

/// <summary>An adapter's folder: its configuration alone and on a model, written and read again; its weights.</summary>
internal static class AdapterReaders
{
    public static IReadOnlyList<Reader> All { get; } =
        [new("adapter-config", 90, Configuration), new("adapter-target", 60, Targets), new("adapter-weights", 100, Weights)];

    private static OpenReader Configuration(string folder)
    {
        CopyAdapter(folder);
        return new(Configurations(), _ =>
        {
            LoraConfig config = AdapterConfigJson.ReadFile(Path.Combine(folder, AdapterConfigJson.FileName));
            string written = AdapterConfigJson.Write(config);
            if (AdapterConfigJson.Write(AdapterConfigJson.Parse(written)) != written)
            {
                throw new InvalidDataException("written and read again, it is another");
            }

            ReadFolder(folder);
        });
    }

    private static OpenReader Targets(string folder)
    {
        CopyAdapter(folder);
        string model = RealFiles.Family("llama3");
        return new(Configurations(), _ =>
        {
            LoraConfig config = AdapterConfigJson.ReadFile(Path.Combine(folder, AdapterConfigJson.FileName));
            ModelTargets.Resolve(config with { Model = model }, model, allowUnmatched: true);
        });
    }

    private static OpenReader Weights(string folder)
    {
        CopyAdapter(folder);
        SafetensorsDamage damage = new(Path.Combine(folder, AdapterFolder.WeightsName));
        return new(random => new(AdapterFolder.WeightsName, damage.Apply(random)), _ => ReadFolder(folder));
    }

    private static void CopyAdapter(string folder) =>
        RealFiles.Copy(Path.Combine(RealFiles.Family("llama3"), "adapter"), folder, AdapterConfigJson.FileName, AdapterFolder.WeightsName);

    private static Func<Random, Input> Configurations()
    {
        string[] files =
        [
            Path.Combine(RealFiles.Family("llama3"), "adapter", AdapterConfigJson.FileName),
            .. Directory.GetFiles(Path.Combine(RealFiles.Root, "tests", "fixtures", "adapters"), "*.adapter_config.json").Order(StringComparer.Ordinal),
        ];
        (byte[] Whole, JsonDamage Damage)[] configs = [.. files.Select(File.ReadAllBytes).Select(whole => (whole, new JsonDamage(whole)))];
        return random =>
        {
            (byte[] whole, JsonDamage damage) = random.Any(configs);
            return new(AdapterConfigJson.FileName, random.Next(4) == 0 ? ByteDamage.Apply(whole, random) : damage.Apply(random));
        };
    }

    /// <summary>Describes it first, which asks less of it than to load it.</summary>
    private static void ReadFolder(string folder)
    {
        AdapterInspector.Read(folder);
        AdapterFolder.Load(folder);
        AdapterInspector.Read(folder, withNorms: true);
    }
}
