using System.IO.Compression;
using System.Text;
using Lora.Data;
using Lora.Text;

namespace Lora.Tests.Data;

/// <summary>The same rows in every kind of file, and as objects, have the same tokens and the same of them are learned.</summary>
public sealed class SameRowsTests : IDisposable
{
    private const string Pairs = """{"prompt":"2+2=","completion":"4"}|{"prompt":"a, \"b\";\tc","completion":"é\nf"}|{"prompt":"","completion":" g"}""";
    private const string PairsCsv = "prompt,completion\r\n2+2=,4\r\n\"a, \"\"b\"\";\tc\",\"é\nf\"\r\n, g\r\n";
    private const string Chats = """{"messages":[{"role":"user","content":"Hay?"},{"role":"assistant","content":"Dry."}]}|"""
        + """{"messages":[{"role":"system","content":"Say \"é\"."},{"role":"user","content":"a,\nb"},{"role":"assistant","content":""},{"role":"user","content":"c"},{"role":"assistant","content":"d"}]}""";

    private readonly TemporaryFolder folder = new();
    private readonly Tokenizer tokenizer;

    public SameRowsTests()
    {
        BytePairTrainer.Train([], new() { VocabularySize = 258, BeginToken = "<s>", EndToken = "</s>" }, folder.Path);
        tokenizer = Tokenizer.Load(folder.Path);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Prompts_and_completions() => AreAlike(Pairs, [.. Directory.GetFiles(Repository.Fixture("parquet"), "*.parquet").Where(IsOfPairs)], new()
    {
        ["rows.csv"] = Encoding.UTF8.GetBytes(PairsCsv),
        ["utf16.csv"] = [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(PairsCsv)],
        ["rows.tsv"] = Encoding.UTF8.GetBytes("prompt\tcompletion\n2+2=\t4\n\"a, \"\"b\"\";\tc\"\t\"é\nf\"\n\t g"),
        ["sep.csv"] = Encoding.UTF8.GetBytes("sep=;\n Completion ;PROMPT\n4;2+2=\n\"é\nf\";\"a, \"\"b\"\";\tc\"\n g;\n\n"),
    });

    [Fact]
    public void Chats_of_nested_messages() => AreAlike(Chats, [Repository.Fixture("parquet", "chats.parquet")], new()
    {
        ["chats.csv"] = Encoding.UTF8.GetBytes("messages\n" + string.Concat(Chats.Split('|')
            .Select(row => $"\"{row["{\"messages\":".Length..^1].Replace("\"", "\"\"", StringComparison.Ordinal)}\"\n"))),
    });

    private static bool IsOfPairs(string path) =>
        Path.GetFileNameWithoutExtension(path) is "uncompressed" or "snappy" or "gzip" or "zstd" or "brotli" or "lz4_raw" or "version2";

    private void AreAlike(string rows, IReadOnlyList<string> paths, Dictionary<string, byte[]> others)
    {
        byte[] lines = Encoding.UTF8.GetBytes(rows.Replace('|', '\n'));
        Dictionary<string, byte[]> files = new(others)
        {
            ["rows.jsonl"] = lines,
            ["bom.jsonl"] = [0xEF, 0xBB, 0xBF, .. lines],
            ["rows.jsonl.gz"] = Gzip(lines),
            ["rows.jsonl.zst"] = Zstandard(lines),
            ["array.json"] = Encoding.UTF8.GetBytes($"[{rows.Replace('|', ',')}]"),
            ["list.json"] = Encoding.UTF8.GetBytes($$"""{"rows":[{{rows.Replace('|', ',')}}]}"""),
        };
        string[] expected = Ids([folder.Write("expected.jsonl", lines)]);
        Assert.Equal(rows.Split('|').Length, expected.Length);
        Assert.All(files.Select(file => folder.Write(file.Key, file.Value)).Concat(paths), path => Assert.Equal(expected, Ids([path])));

        using GivenRows given = new("given rows");
        foreach (string row in rows.Split('|'))
        {
            given.Add(Encoding.UTF8.GetBytes(row));
        }

        Assert.Equal(expected, Ids([], given));
    }

    private string[] Ids(IReadOnlyList<string> paths, GivenRows? given = null)
    {
        DatasetOptions options = new() { Data = new() { ChatTemplate = "chatml" } };
        using Dataset dataset = Dataset.Load(new TrainingData(paths, []) { Rows = given }, tokenizer, options, null, CancellationToken.None);
        return [.. dataset.Examples.Select(example => $"{string.Join(' ', example.Ids)} / {string.Join(' ', example.Labels)}")];
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
        using ZstdSharp.Compressor compressor = new();
        return compressor.Wrap(content).ToArray();
    }
}
