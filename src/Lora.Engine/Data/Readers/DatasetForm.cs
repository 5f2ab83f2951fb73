using System.Text.Json;

namespace Lora.Data;

/// <summary>What a file is written in.</summary>
internal enum FileForm
{
    /// <summary>One JSON object a line.</summary>
    JsonLines,

    /// <summary>One JSON array of objects.</summary>
    JsonArray,

    /// <summary>JSON objects of any number of lines.</summary>
    JsonObjects,

    /// <summary>CSV, TSV and their like.</summary>
    Delimited,

    /// <summary>Text that is one row.</summary>
    Document,

    /// <summary>Parquet.</summary>
    Parquet,
}

/// <summary>Tells a file's form by its first bytes; only what any bytes could be, CSV and plain text, by its name.</summary>
internal static class DatasetForm
{
    /// <summary>A name's ending in lower case, without that of gzip or Zstandard.</summary>
    public static string Extension(string path)
    {
        string extension = Path.GetExtension(path).ToUpperInvariant();
        return extension is ".GZ" or ".ZST" ? Path.GetExtension(path[..^extension.Length]).ToUpperInvariant() : extension;
    }

    /// <summary>The form; where it is another than the name says, that is noted.</summary>
    /// <param name="file">The file.</param>
    /// <param name="beginning">Its first bytes, as many as there are at hand; of an object the first line, and what follows it if anything does.</param>
    /// <exception cref="LoraException"><see cref="LoraError.DatasetForm"/>: something that is not read, by name.</exception>
    public static FileForm Of(DatasetFile file, ReadOnlySpan<byte> beginning)
    {
        if (beginning.StartsWith("PAR1"u8))
        {
            return FileForm.Parquet;
        }

        string extension = Extension(file.Path);
        ReadOnlySpan<byte> text = beginning.TrimStart(" \t\r\n"u8);
        // A text may begin with a brace; with a brace and a quote it is JSON under another name.
        bool isDocument = extension is ".TXT" or ".MD" && !text.StartsWith("{\""u8);
        string? other = Binary(beginning) ?? (extension == ".PARQUET" ? "named as a Parquet file and is none" : null);
        if (other is not null)
        {
            throw LoraException.Of(LoraError.DatasetForm, file.Path, file.Path, other);
        }

        FileForm form = isDocument ? FileForm.Document
            : text.StartsWith("["u8) ? FileForm.JsonArray
            : extension is ".CSV" or ".TSV" && !text.StartsWith("{"u8) ? FileForm.Delimited
            : IsOfObjects(text, isLines: extension != ".JSON") ? FileForm.JsonObjects
            : FileForm.JsonLines;
        if (form == FileForm.JsonArray && extension != ".JSON")
        {
            file.Note("is a JSON array, whatever its name says");
        }
        else if (form == FileForm.JsonLines && extension is ".CSV" or ".TSV" or ".TXT" or ".MD")
        {
            file.Note("is JSON Lines, whatever its name says");
        }

        return form;
    }

    /// <summary>Whether objects go on over several lines, or one alone is a whole file. A first line that is broken is an error of that line.</summary>
    private static bool IsOfObjects(ReadOnlySpan<byte> text, bool isLines)
    {
        int end = text.IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = end < 0 ? text : text[..(end + 1)];
        try
        {
            return line.TrimEnd("\r\n"u8).SequenceEqual("{"u8) || (!isLines && (JsonValues.Length(line) is null || text[line.Length..].Trim(" \t\r\n"u8).Length == 0));
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string? Binary(ReadOnlySpan<byte> beginning) => beginning switch
    {
        [(byte)'P', (byte)'K', 3, 4, ..] => "a zip file",
        _ when beginning.StartsWith("PARE"u8) => "an encrypted Parquet file",
        _ when beginning.StartsWith("ARROW1"u8) => "an Arrow file",
        _ when beginning.StartsWith("SQLite format 3"u8) => "an SQLite database",
        _ when beginning.StartsWith("version https://git-lfs"u8) => "a Git LFS pointer in place of the file",
        _ => null,
    };
}
