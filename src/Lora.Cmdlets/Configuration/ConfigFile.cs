using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Reads a configuration from an adapter_config.json or from the folder that holds one.</summary>
internal static class ConfigFile
{
    /// <summary>Reads it.</summary>
    /// <param name="path">Full path of the file, of its folder, or of the weights beside it.</param>
    /// <exception cref="LoraException">NotAConfig, PathNotFound, or what is wrong with the file.</exception>
    public static LoraConfig Read(string path)
    {
        string folder = Path.GetFileName(path) == AdapterFolder.WeightsName ? Path.GetDirectoryName(path)! : path;
        string file = Directory.Exists(folder) ? Path.Combine(folder, AdapterConfigJson.FileName) : path;
        return !File.Exists(file) ? throw LoraException.Of(LoraError.NotAConfig, path, path, $"the folder has no {AdapterConfigJson.FileName}")
            : Path.GetExtension(file) != ".json" ? throw LoraException.Of(LoraError.NotAConfig, path, path, "it is no .json file")
            : AdapterConfigJson.ReadFile(file);
    }
}
