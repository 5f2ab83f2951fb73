using System.IO.Compression;
using System.Text;
using Lora.Data;

namespace Lora.Tests.Data;

public sealed class DatasetReaderTests : IDisposable
{
    private static readonly DatasetRow[] Rows = [new CompletionRow(0, "2+2=", "4"), new CompletionRow(0, "a, \"b\";\tc", "é\nf"), new CompletionRow(0, "", " g")];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string, byte[]> Files
    {
        get
        {
            const string Json = """{"prompt":"2+2=","completion":"4"}|{"prompt":"a, \"b\";\tc","completion":"é\nf"}|{"prompt":"","completion":" g"}""";
            const string Csv = "prompt,completion\r\n2+2=,4\r\n\"a, \"\"b\"\";\tc\",\"é\nf\"\r\n, g\r\n";
            byte[] lines = Encoding.UTF8.GetBytes(Json.Replace('|', '\n'));
            return new()
            {
                { "rows.jsonl", lines },
                { "rows.jsonl.gz", Packed(lines) },
                { "members.jsonl.gz", [.. Packed(lines[..20]), .. Packed(lines[20..])] },
                { "rows.jsonl.zst", PackedAsZstandard(lines) },
                { "members.jsonl.zst", [.. PackedAsZstandard(lines[..20]), .. PackedAsZstandard(lines[20..])] },
                { "rows.json", Encoding.UTF8.GetBytes($" [\n{Json.Replace("|", " ,\n", StringComparison.Ordinal)}\n] \n") },
                { "rows.csv", Encoding.UTF8.GetBytes(Csv) },
                { "bom.csv", [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(Csv)] },
                { "utf16.csv", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(Csv)] },
                { "bigendian.csv.gz", Packed([0xFE, 0xFF, .. Encoding.BigEndianUnicode.GetBytes(Csv)]) },
                { "rows.tsv", Encoding.UTF8.GetBytes("prompt\tcompletion\n2+2=\t4\n\"a, \"\"b\"\";\tc\"\t\"é\nf\"\n\t g") },
                { "sep.csv", Encoding.UTF8.GetBytes("sep=;\n Completion ;PROMPT\n4;2+2=\n\"é\nf\";\"a, \"\"b\"\";\tc\"\n g;\n\n") },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void The_same_rows_are_read_from_every_kind_of_file(string name, byte[] content) =>
        Assert.Equal(Rows, DatasetReader.Read(new(folder.Write(name, content))).Select(row => row with { Line = 0 }));

    [Theory]
    [InlineData("""[{"text":"a"},{"text":5},{"text":"b","text":"c"},7]""", "row 2: \"text\" is not a string", "row 3: it has \"text\" more than once", "row 4: it is not a JSON object")]
    [InlineData("""[{"text":"a"} {"text":"b"}]""", "row 2: the JSON array ends, or something stands, where a comma")]
    [InlineData("""[{"text":"a"},{"text":"b""", "row 2: it is not JSON, or is cut off")]
    [InlineData("""[{"text":"a"}""", "row 2: the JSON array ends")]
    [InlineData("""[{"text":"a"}] x""", "something follows the end")]
    [InlineData("""[{"text":"a"},]""", "row 2: it is not JSON")]
    public void What_is_wrong_in_a_JSON_array_is_named_by_its_row(string content, params string[] problems) =>
        Assert.All(problems, problem => Assert.Contains(problem, Failure("rows.json", Encoding.UTF8.GetBytes(content)).Message, StringComparison.Ordinal));

    [Theory]
    [InlineData("one.json", "{\"text\": \"a\"}", "a")]
    [InlineData("one.json", "\n{\n  \"text\": \"a\"\n}\n\n", "a")]
    [InlineData("several.jsonl", "{\n  \"text\": \"a\"\n}\n{\n  \"text\": \"b\"\n}", "a", "b")]
    [InlineData("lines.json", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n", "a", "b")]
    public void An_object_may_have_several_lines_and_be_a_file_alone(string name, string content, params string[] texts) =>
        Assert.Equal(texts, DatasetReader.Read(new(folder.Write(name, content))).Select(row => ((TextRow)row).Text));

    [Theory]
    [InlineData("{\n \"text\": \"a\"\n", "row 1: it is not JSON, or is cut off")]
    [InlineData("""{"a":[{"text":"b"}],"c":[{"text":"d"}]}""", "row 1: ")]
    [InlineData("""{"a":[{"text":"b"},{"text":5}]}""", "row 2: \"text\" is not a string")]
    [InlineData("{\"text\": \"a\"}\n{\"text\": 5}\n", "line 2: \"text\" is not a string")]
    public void What_is_wrong_in_objects_is_named_by_row_or_line(string content, string problem) =>
        Assert.Contains(problem, Failure("rows.json", Encoding.UTF8.GetBytes(content)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("text,id\n\na,1\n\"b\nb\",2\ne\n\"d\",3\n1,2,3\n\"b\"c,2\n", "line 6: it has 1 fields where the header has 2", "line 8: it has 3 fields", "line 9: a quote is opened and never closed, or something follows")]
    [InlineData("text,id\na,1\n\"b,2\nc,3", "line 3: a quote is opened and never closed")]
    [InlineData("text\n#1\n\n5,5\n", "line 4: it has 2 fields where the header has 1")]
    [InlineData("a,b\n1,2\n", "line 1: no column is known (\"a\", \"b\")")]
    [InlineData("sep=\"\ntext\na\n", "line 2: the line sep= names")]
    [InlineData("sep=e\ntext\na\n", "line 2: the line sep= names")]
    [InlineData("prompt,completion;text\n", "several delimiters")]
    public void What_is_wrong_in_a_CSV_file_is_named_by_the_line_on_which_its_row_begins(string content, params string[] problems) =>
        Assert.All(problems, problem => Assert.Contains(problem, Failure("rows.csv", Encoding.UTF8.GetBytes(content)).Message, StringComparison.Ordinal));

    [Theory]
    [InlineData("rows.csv", "text\na\n", "\n")]
    [InlineData("rows.jsonl", "{\"text\":\"a\"}\n\n{\"text\":\"", "\"}\n")]
    [InlineData("rows.md", "a\n\n", "\n")]
    public void Text_of_another_code_page_is_an_error_with_its_line_and_the_way_out(string name, string before, string after)
    {
        byte[] content = [.. Encoding.UTF8.GetBytes(before), 0xE9, 0x80, .. Encoding.UTF8.GetBytes(after)];
        string message = Failure(name, content).Message;
        Assert.Contains("line 3: it is not UTF-8", message, StringComparison.Ordinal);
        Assert.Contains("-DatasetEncoding", message, StringComparison.Ordinal);

        DatasetFile file = new(folder.File(name)) { Rules = new(new() { DatasetEncoding = "windows-1252" }) };
        Assert.EndsWith("é€", ((TextRow)DatasetReader.Read(file).Last()).Text.TrimEnd(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("windows-1252")]
    [InlineData("shift_jis")]
    [InlineData("1251")]
    [InlineData("utf-8")]
    public void A_byte_order_mark_counts_more_than_what_is_said(string encoding)
    {
        RowRules rules = new(new() { DatasetEncoding = encoding });
        Assert.All(new Encoding[] { new UTF8Encoding(true), Encoding.Unicode, Encoding.BigEndianUnicode }, mark =>
        {
            DatasetFile file = new(folder.Write("rows.csv", [.. mark.GetPreamble(), .. mark.GetBytes("text\nДа é\n")])) { Rules = rules };
            Assert.Equal("Да é", ((TextRow)DatasetReader.Read(file).Single()).Text);
        });
    }

    [Fact]
    public void Bytes_that_an_encoding_does_not_have_are_an_error_and_so_is_the_name_of_none()
    {
        DatasetFile file = new(folder.Write("rows.csv", [.. "text\na\n"u8, 0x81, .. "\n"u8])) { Rules = new(new() { DatasetEncoding = "shift_jis" }) };
        Assert.Contains("SHIFT_JIS", Assert.Throws<LoraException>(() => DatasetReader.Read(file).ToList()).Message, StringComparison.Ordinal);
        Assert.Equal(LoraError.ConfigValueInvalid, Assert.Single(new DataOptions { DatasetEncoding = "klingon" }.Check()).Error);
        Assert.Empty(new DataOptions { DatasetEncoding = "gb18030" }.Check());
    }

    [Fact]
    public void A_gzip_file_that_is_cut_off_or_damaged_is_an_error()
    {
        byte[] packed = Packed(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 200).Select(row => $$"""{"text":"row {{row}}"}""" + "\n"))));
        Assert.Equal(LoraError.DatasetForm, Failure("cut.jsonl.gz", packed[..^5]).Error);
        Assert.Equal(LoraError.DatasetForm, Failure("half.jsonl.gz", packed[..(packed.Length / 2)]).Problems[0].Error);
        Assert.Equal(LoraError.DatasetForm, Failure("begun.jsonl.gz", packed[..3]).Error);
        packed[^6] ^= 1;
        Assert.Contains("damaged gzip", Failure("damaged.jsonl.gz", packed).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_Zstandard_file_that_is_cut_off_or_damaged_is_an_error()
    {
        byte[] packed = PackedAsZstandard(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 200).Select(row => $$"""{"text":"row {{row}}"}""" + "\n"))));
        Assert.Contains("cut off", Failure("cut.jsonl.zst", packed[..^5]).Message, StringComparison.Ordinal);
        Assert.Contains("cut off", Failure("half.jsonl.zst", packed[..(packed.Length / 2)]).Message, StringComparison.Ordinal);
        packed[5] ^= 0xFF;
        LoraException failure = Failure("damaged.jsonl.zst", packed);
        Assert.Equal(LoraError.DatasetForm, failure.Error);
        Assert.Contains("Zstandard", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rows.csv", """{"text":"a"}""", "is JSON Lines")]
    [InlineData("rows.txt", """{"text":"a"}""", "is JSON Lines")]
    [InlineData("rows.jsonl", """[{"text":"a"}]""", "is a JSON array")]
    [InlineData("rows.json", """{"version":1,"data":[{"text":"a"}],"licence":["CC0"]}""", "whose list \"data\" has the rows")]
    [InlineData("list.json", "{\n \"rows\": [\n  {\"text\": \"a\"}\n ]\n}\n", "whose list \"rows\" has the rows")]
    public void The_content_decides_over_the_name_and_that_is_said(string name, string content, string notice)
    {
        DatasetFile file = new(folder.Write(name, content));
        Assert.Equal("a", Assert.IsType<TextRow>(Assert.Single(DatasetReader.Read(file))).Text);
        Assert.Contains(notice, Assert.Single(file.Notices), StringComparison.Ordinal);
    }

    private LoraException Failure(string name, byte[] content)
    {
        string path = folder.Write(name, content);
        return Assert.Throws<LoraException>(() => DatasetReader.Read(new(path)).ToList());
    }

    private static byte[] PackedAsZstandard(byte[] content)
    {
        using ZstdSharp.Compressor compressor = new();
        return compressor.Wrap(content).ToArray();
    }

    private static byte[] Packed(byte[] content)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionMode.Compress))
        {
            gzip.Write(content);
        }

        return packed.ToArray();
    }
}
