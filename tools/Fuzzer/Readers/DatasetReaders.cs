using System.IO.Compression;
using System.Text;
using Lora.Data;
using ZstdSharp;

namespace Lora.Tools.Fuzzer;

/// <summary>The forms that a dataset's files have, each read to its end.</summary>
internal static class DatasetReaders
{
    private const string Json = """{"prompt":"2+2=","completion":"4"}|{"prompt":"a, \"b\";\tc","completion":"é\nf"}|{"prompt":"","completion":" g","source":7}""";
    private const string Csv = "prompt,completion,id\r\n2+2=,4,1\r\n\"a, \"\"b\"\";\tc\",\"é\nf\",2\r\n, g,\r\n";

    private static readonly byte[] Lines = Encoding.UTF8.GetBytes(Json.Replace('|', '\n'));

    public static IReadOnlyList<Reader> All { get; } =
    [
        new("csv", 60, Of("rows.csv", Encoding.UTF8.GetBytes(Csv), Encoding.UTF8.GetBytes("sep=;\n Completion ;PROMPT\n4;2+2=\n\"é\nf\";\"a\"\"\"\n"))),
        new("tsv", 40, Of("rows.tsv", Encoding.UTF8.GetBytes("prompt\tcompletion\n2+2=\t4\n\"a, \"\"b\"\";\tc\"\t\"é\nf\"\n\t g"))),
        new("utf16", 30, Of("rows.csv", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(Csv)], [0xFE, 0xFF, .. Encoding.BigEndianUnicode.GetBytes(Csv)])),
        new("json-array", 60, Of("rows.json", Encoding.UTF8.GetBytes($" [\n{Json.Replace("|", " ,\n", StringComparison.Ordinal)}\n] \n"))),
        new("document", 20, Of("rows.txt", "# A page\r\n\r\nof text\r\n"u8.ToArray())),
        new("gzip", 40, Of("rows.jsonl.gz", Gzip(Lines), [.. Gzip(Lines[..20]), .. Gzip(Lines[20..])])),
        new("zstd", 40, Of("rows.jsonl.zst", Zstandard(Lines), [.. Zstandard(Lines[..20]), .. Zstandard(Lines[20..])])),
        new("parquet", 100, Parquet),
    ];

    private static Func<string, OpenReader> Of(string name, params byte[][] seeds) => folder => new(
        random => new(name, ByteDamage.Apply(random.Any(seeds), random)),
        input => Read(Path.Combine(folder, input.File)));

    private static OpenReader Parquet(string folder) => Of("rows.parquet", [.. RealFiles.Parquet().Select(File.ReadAllBytes)])(folder);

    private static void Read(string path)
    {
        foreach (DatasetRow row in DatasetReader.Read(new(path)))
        {
            _ = row.Line;
        }
    }

    private static byte[] Gzip(byte[] content)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionMode.Compress))
        {
            gzip.Write(content);
        }

        return packed.ToArray();
    }

    private static byte[] Zstandard(byte[] content)
    {
        using Compressor compressor = new();
        return compressor.Wrap(content).ToArray();
    }
}
