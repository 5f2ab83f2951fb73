namespace Lora.Export;

/// <summary>The place that a GGUF file is written to.</summary>
internal static class GgufFile
{
    /// <summary>The ending of its name.</summary>
    public const string Ending = ".gguf";

    /// <summary>Refuses a place where something is already.</summary>
    /// <exception cref="LoraException">OutputExists, or OutputFailed: a folder.</exception>
    public static void CheckPlace(string path, bool overwrite)
    {
        if (Directory.Exists(path))
        {
            throw LoraException.Of(LoraError.OutputFailed, path, path, "a folder of that name is there");
        }

        if (!overwrite && Path.Exists(path))
        {
            throw LoraException.Of(LoraError.OutputExists, path, path);
        }
    }

    /// <summary>Makes the folder of a file.</summary>
    /// <exception cref="LoraException">OutputFailed.</exception>
    public static void MakeFolder(string path)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.OutputFailed, path, path, exception.Message);
        }
    }
}

/// <summary>Counts the bytes that are written.</summary>
/// <param name="progress">Told of them; null for nobody.</param>
/// <param name="stage">What is done.</param>
/// <param name="total">How many there will be.</param>
internal sealed class GgufProgress(IProgress<WorkProgress>? progress, string stage, long total)
{
    private long done;

    /// <summary>Adds some.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="name">What they belong to.</param>
    public void Add(long bytes, string name) => progress?.Report(new(stage, done += bytes, total, WorkUnit.Byte, name));
}
