using System.Buffers;
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

    /// <summary>Rows in the shapes that people have, a line each.</summary>
    private static readonly string[] Shapes =
    [
        """{"messages":[{"role":"system","content":"s"},{"role":"user","content":"q","name":"n"},{"role":"assistant","content":"a","weight":1}],"id":7}""",
        """{"conversations":[{"from":"human","value":"q"},{"from":"function_call","value":"{\"name\":\"f\",\"arguments\":{\"a\":1.5}}"},{"from":"observation","value":"r"},{"from":"gpt","value":"a","hash":1}],"tools":"[{\"name\":\"f\"}]"}""",
        """{"messages":[{"role":"user","content":[{"type":"text","text":"q"},{"type":"tool_result","tool_use_id":"t","content":"r"}]},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":[]}}]}]}""",
        """{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":{}}"}}],"reasoning":"t"}],"functions":[{"name":"f","parameters":{}}]}""",
        """{"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"text":"a"}]}],"systemInstruction":{"parts":[{"text":"s"}]}}""",
        """{"messages":[{"human":"q","assistant":"a"}],"dialog":[{"role":"user","content":"q"}]}""",
        """{"instruction":"i","input":"x","output":"o","system":"s","history":[["q","a"]],"reasoning":"t"}""",
        """{"prompt":[{"role":"user","content":"q"}],"completion":[{"role":"assistant","content":"a"}]}""",
        """{"context":"c","question":"q","answer":"a","label":true}""",
        """{"chosen":[{"role":"user","content":"q"}],"rejected":"r","text":"t","content":"c"}""",
    ];

    public static IReadOnlyList<Reader> All { get; } =
    [
        new("row-shapes", 140, RowShapes),
        new("csv", 60, Of("rows.csv", Encoding.UTF8.GetBytes(Csv), Encoding.UTF8.GetBytes("sep=;\n Completion ;PROMPT\n4;2+2=\n\"é\nf\";\"a\"\"\"\n"))),
        new("tsv", 40, Of("rows.tsv", Encoding.UTF8.GetBytes("prompt\tcompletion\n2+2=\t4\n\"a, \"\"b\"\";\tc\"\t\"é\nf\"\n\t g"))),
        new("utf16", 30, Of("rows.csv", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(Csv)], [0xFE, 0xFF, .. Encoding.BigEndianUnicode.GetBytes(Csv)])),
        new("json-array", 60, Of("rows.json", Encoding.UTF8.GetBytes($" [\n{Json.Replace("|", " ,\n", StringComparison.Ordinal)}\n] \n"))),
        new("json-objects", 40, Of("rows.json",
            Encoding.UTF8.GetBytes($$"""{"version":1,"rows":[{{Json.Replace('|', ',')}}]}"""), Encoding.UTF8.GetBytes(Json.Replace("|", "\n", StringComparison.Ordinal).Replace(",\"", ",\n  \"", StringComparison.Ordinal)))),
        new("code-page", 30, Said("rows.csv", new() { DatasetEncoding = "shift_jis" }, Encoding.UTF8.GetBytes(Csv))),
        new("document", 20, Of("rows.txt", "# A page\r\n\r\nof text\r\n"u8.ToArray())),
        new("gzip", 40, Of("rows.jsonl.gz", Gzip(Lines), [.. Gzip(Lines[..20]), .. Gzip(Lines[20..])])),
        new("zstd", 40, Of("rows.jsonl.zst", Zstandard(Lines), [.. Zstandard(Lines[..20]), .. Zstandard(Lines[20..])])),
        new("parquet", 100, Parquet),
    ];

    private static Func<string, OpenReader> Of(string name, params byte[][] seeds) => Said(name, new(), seeds);

    private static Func<string, OpenReader> Said(string name, DataOptions options, params byte[][] seeds) => folder => new(
        random => new(name, ByteDamage.Apply(random.Any(seeds), random)),
        input => Read(Path.Combine(folder, input.File), options));

    /// <summary>A damaged row alone, for all rows of a file are of one kind; what is read is written down and read again.</summary>
    private static OpenReader RowShapes(string folder)
    {
        JsonDamage[] rows = [.. Shapes.Select(row => new JsonDamage(Encoding.UTF8.GetBytes(row)))];
        return new(
            random => new("rows.jsonl", random.Any(rows).Apply(random)),
            input =>
            {
                foreach (DatasetRow row in DatasetReader.Read(new(Path.Combine(folder, input.File))))
                {
                    ArrayBufferWriter<byte> once = new(), again = new();
                    DatasetRowJson.Write(once, row);
                    DatasetRowJson.Write(again, DatasetRowJson.Read(once.WrittenMemory, row.Line));
                    if (!once.WrittenSpan.SequenceEqual(again.WrittenSpan))
                    {
                        throw new InvalidOperationException("A row that was written down is another when it is read.");
                    }
                }
            });
    }

    private static OpenReader Parquet(string folder) => Of("rows.parquet", [.. RealFiles.Parquet().Select(File.ReadAllBytes)])(folder);

    private static void Read(string path, DataOptions options)
    {
        foreach (DatasetRow row in DatasetReader.Read(new(path) { Rules = new(options) }))
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
