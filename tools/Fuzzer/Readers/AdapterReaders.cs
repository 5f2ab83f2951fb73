using Lora.Adapters;
using Lora.Training;

namespace Lora.Tools.Fuzzer;

/// <summary>An adapter's folder: its configuration alone and on a model, written and read again; its weights. An adapter that is one file.</summary>
internal static class AdapterReaders
{
    public static IReadOnlyList<Reader> All { get; } =
        [new("adapter-config", 90, Configuration), new("adapter-target", 60, Targets), new("adapter-weights", 100, Weights), new("adapter-file", 60, OneFile)];

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

    private static OpenReader OneFile(string folder)
    {
        const string Name = "lora.safetensors";
        RealFiles.Copy(Path.Combine(RealFiles.Root, "tests", "fixtures", "adapters", "kohya"), folder, Name);
        SafetensorsDamage damage = new(Path.Combine(folder, Name));
        return new(random => new(Name, damage.Apply(random)), _ =>
        {
            string file = Path.Combine(folder, Name);
            if (AdapterFile.FormatOf(file) is not null)
            {
                AdapterFile.Describe(file);
                AdapterFile.Load(file);
            }
        });
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
