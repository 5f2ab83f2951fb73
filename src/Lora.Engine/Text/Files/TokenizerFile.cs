using System.Text;
using System.Text.Json;
using Lora.Checkpoints;

namespace Lora.Text;

/// <summary>Finds and reads the files of a tokenizer.</summary>
internal static class TokenizerFile
{
    // The largest in use, with 262,144 tokens, has 33 MB.
    private const long LongestFile = 1 << 28;

    // In the order in which they are looked for: what says all before what says less.
    private static readonly string[] Names =
        ["tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", BytePairFiles.Name, WordPieceFiles.Name];

    /// <summary>The file of a model folder that holds its tokenizer, or the file itself.</summary>
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

        return Names.Select(name => Path.GetFullPath(Path.Combine(folderOrFile, name))).FirstOrDefault(IsThere)
            ?? throw LoraException.Of(LoraError.TokenizerMissing, folderOrFile, folderOrFile, string.Join(", ", Names));

        // A vocabulary of pairs is nothing without its merges.
        static bool IsThere(string file) => File.Exists(file) && (Path.GetFileName(file) != BytePairFiles.Name || File.Exists(BytePairFiles.MergesBeside(file)));
    }

    /// <summary>What a file says of a tokenizer, with what the files beside it say of its special tokens.</summary>
    public static TokenizerContent ReadTokenizer(string file) => Path.GetFileName(file) switch
    {
        BytePairFiles.Name => BytePairFiles.Read(file),
        WordPieceFiles.Name => WordPieceFiles.Read(file),
        string name when name.EndsWith(".model", StringComparison.Ordinal) => SentencePieceTokenizers.Read(file),
        _ => TokenizerContent.OfJson(Read(file)),
    };

    /// <summary>Reads a JSON object from a regular file of at most 256 MB; values stand in each other 64 deep at the most.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.TokenizerInvalid"/> or <see cref="LoraError.FileUnreadable"/>.</exception>
    public static TokenizerNode Read(string file) => Open(file, static (stream, file) =>
    {
        try
        {
            return TokenizerNode.Root(JsonDocument.Parse(stream), file);
        }
        catch (JsonException exception)
        {
            throw LoraException.From(exception, LoraError.TokenizerInvalid, file, file, "it is not JSON: " + exception.Message.TrimEnd('.'));
        }
    });

    /// <summary>Reads a text file, line by line.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.TokenizerInvalid"/> or <see cref="LoraError.FileUnreadable"/>.</exception>
    public static List<string> ReadLines(string file) => Open(file, static (stream, file) =>
    {
        List<string> lines = [];
        using StreamReader reader = new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
        try
        {
            while (reader.ReadLine() is string line)
            {
                lines.Add(line);
            }
        }
        catch (DecoderFallbackException exception)
        {
            throw LoraException.From(exception, LoraError.TokenizerInvalid, file, file, "it is not UTF-8");
        }

        return lines;
    });

    /// <summary>Reads a file whole.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.FileUnreadable"/>.</exception>
    public static byte[] ReadBytes(string file) => Open(file, static (stream, _) =>
    {
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    });

    private static T Open<T>(string file, Func<FileStream, string, T> read)
    {
        try
        {
            using FileStream stream = RegularFile.Open(file, LongestFile);
            return read(stream, file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, file, file, exception.Message);
        }
    }
}
