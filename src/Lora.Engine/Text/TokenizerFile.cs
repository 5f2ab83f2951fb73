using System.Text.Json;
using Lora.Checkpoints;

namespace Lora.Text;

/// <summary>Finds and reads the JSON files of a tokenizer.</summary>
internal static class TokenizerFile
{
    // The largest in use, with 262,144 tokens, has 33 MB.
    private const long LongestFile = 1 << 28;

    /// <summary>The tokenizer.json of a model folder, or the file itself.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/> or <see cref="LoraError.TokenizerMissing"/>.</exception>
    public static string Find(string folderOrFile)
    {
        if (File.Exists(folderOrFile))
        {
            return Path.GetFullPath(folderOrFile);
        }

        if (!Directory.Exists(folderOrFile))
        {
            throw LoraException.Of(LoraError.PathNotFound, folderOrFile, folderOrFile);
        }

        string file = Path.GetFullPath(Path.Combine(folderOrFile, "tokenizer.json"));
        return File.Exists(file) ? file : throw LoraException.Of(LoraError.TokenizerMissing, folderOrFile, folderOrFile);
    }

    /// <summary>Reads a JSON object from a regular file of at most 256 MB; values stand in each other 64 deep at the most.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.TokenizerInvalid"/> or <see cref="LoraError.FileUnreadable"/>.</exception>
    public static TokenizerNode Read(string file)
    {
        try
        {
            using FileStream stream = RegularFile.Open(file, LongestFile);
            return TokenizerNode.Root(JsonDocument.Parse(stream), file);
        }
        catch (JsonException exception)
        {
            throw LoraException.From(exception, LoraError.TokenizerInvalid, file, file, "it is not JSON: " + exception.Message);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, file, file, exception.Message);
        }
    }
}
