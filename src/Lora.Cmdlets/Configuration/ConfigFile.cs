using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Reads a configuration from an adapter_config.json or from the folder that holds one.</summary>
internal static class ConfigFile
{
    /// <summary>Reads it.</summary>
    /// <param name="path">Full path of the file, of its folder, or of the weights beside it.</param>
    /// <param name="cmdlet">Warns of keys that are not known.</param>
    /// <exception cref="LoraException">NotAConfig, PathNotFound, or what is wrong with the file.</exception>
    public static LoraConfig Read(string path, LoraCmdlet cmdlet)
    {
        string folder = Path.GetFileName(path) == AdapterFolder.WeightsName ? Path.GetDirectoryName(path)! : path;
        string file = Directory.Exists(folder) ? Path.Combine(folder, AdapterConfigJson.FileName) : path;
        LoraConfig config = !File.Exists(file) ? throw LoraException.Of(LoraError.NotAConfig, path, path, $"the folder has no {AdapterConfigJson.FileName}{(File.Exists(Path.Combine(folder, "config.json")) ? "; it is a model's, which -Model names" : "")}")
            : Path.GetExtension(file) != ".json" ? throw LoraException.Of(LoraError.NotAConfig, path, path, "it is no .json file")
            : AdapterConfigJson.ReadFile(file);
        WarnOfUnknownKeys(config, file, cmdlet);
        return config;
    }

    /// <summary>Warns of keys that are set and not understood: one that changes what an adapter computes makes results wrong, and one may be a slip of the pen.</summary>
    public static void WarnOfUnknownKeys(LoraConfig config, string name, LoraCmdlet cmdlet)
    {
        if (AdapterConfigJson.UnknownKeys(config) is { Count: > 0 } keys)
        {
            cmdlet.WriteWarning($"'{name}' sets what is not known here and has no effect: {string.Join(", ", keys)}. Results are wrong if it changes what the adapter computes.");
        }
    }
}
