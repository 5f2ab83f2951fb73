using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Reads a configuration from an adapter_config.json or from the folder that holds one.</summary>
internal static class ConfigFile
{
    /// <summary>Reads it.</summary>
    /// <param name="path">Full path of the file or the folder.</param>
    public static LoraConfig Read(string path)
    {
        string file = Directory.Exists(path) ? Path.Combine(path, AdapterConfigJson.FileName) : path;
        return File.Exists(file) ? AdapterConfigJson.Parse(File.ReadAllText(file), file) : throw LoraException.Of(LoraError.PathNotFound, path, file);
    }
}
