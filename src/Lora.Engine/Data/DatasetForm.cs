namespace Lora.Data;

/// <summary>Tells files that are something else than JSON Lines by their first bytes or their name, so that one sentence says so.</summary>
internal static class DatasetForm
{
    /// <summary>What a file is instead; null where nothing speaks against JSON Lines.</summary>
    /// <param name="path">The file.</param>
    /// <param name="beginning">Its first bytes, as many as there are at hand.</param>
    public static string? Other(string path, ReadOnlySpan<byte> beginning)
    {
        ReadOnlySpan<byte> text = beginning.TrimStart(" \t\r\n"u8);
        return beginning switch
        {
            [0x1F, 0x8B, ..] => "a gzip file",
            [(byte)'P', (byte)'K', 3, 4, ..] => "a zip file",
            [(byte)'P', (byte)'A', (byte)'R', (byte)'1', ..] => "a Parquet file",
            [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] => "text in UTF-16",
            _ when beginning.StartsWith("ARROW1"u8) => "an Arrow file",
            _ when beginning.StartsWith("SQLite format 3"u8) => "an SQLite database",
            _ when beginning.StartsWith("version https://git-lfs"u8) => "a Git LFS pointer in place of the file",
            _ when text.StartsWith("["u8) => "one JSON array",
            _ when text.StartsWith("{\n"u8) || text.StartsWith("{\r\n"u8) => "JSON over several lines",
            _ when !text.StartsWith("{"u8) => Path.GetExtension(path).ToUpperInvariant() switch
            {
                ".CSV" => "a CSV file",
                ".TSV" => "a TSV file",
                ".PARQUET" => "named as a Parquet file and is none",
                _ => null,
            },
            _ => null,
        };
    }
}
