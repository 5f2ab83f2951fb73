using System.Buffers;
using System.Text;
using System.Text.Json;
using Lora.Data;

namespace Lora.Tests.Data;

/// <summary>Files that DuckDB wrote (tests/fixtures/parquet).</summary>
public sealed class ParquetRowsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static ReadOnlySpan<byte> ZstandardFrame => [0x28, 0xB5, 0x2F, 0xFD];

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("uncompressed")]
    [InlineData("snappy")]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("brotli")]
    [InlineData("lz4_raw")]
    [InlineData("version2")]
    public void Every_codec_and_version_of_pages_gives_the_same_rows(string name) => Assert.Equal(
        [new CompletionRow(1, "2+2=", "4"), new CompletionRow(2, "a, \"b\";\tc", "é\nf"), new CompletionRow(3, "", " g")],
        DatasetReader.Read(new(Fixture(name))));

    [Fact]
    public void Rows_are_JSON_with_lists_and_objects_and_without_what_is_null() => Assert.Equal(
        [
            """{"id":1,"day":"2026-11-28T00:00:00","share":0.5,"digest":{"bytes":2},"tags":["a",null,"b"],"messages":[{"role":"user","content":"Ring."},"""
                + """{"role":"assistant","tool_calls":[{"name":"ring","arguments":{"times":2}},{"name":"stop"}]},{"role":"tool","content":"Rung.","tool_calls":[]},null]}""",
            """{"id":2,"share":null,"tags":[],"messages":[{"role":"user","content":""}]}""",
            "{}",
        ],
        Json(Fixture("nested")));

    [Fact]
    public void Numbers_moments_and_maps_are_what_they_are_in_JSON() => Assert.Equal(
        ["""{"text":"a","meta":[{"key":"k","value":1},{"key":"l","value":2}],"price":1.25,"moment":"2026-11-28T12:00:00"}"""], Json(Fixture("kinds")));

    [Fact]
    public void Row_groups_are_read_one_after_another_and_rows_are_counted_through_them()
    {
        using ParquetFile file = ParquetFile.Open(Fixture("groups"));
        Assert.Equal(3, file.GroupCount);
        Assert.Equal(Enumerable.Range(0, 5000).Select(row => new TextRow(row + 1, $"row {row}")), DatasetReader.Read(new(Fixture("groups"))));
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused_where_text_belongs_with_their_row() =>
        Assert.Contains("row 1: \"text\" is not a string", Failure(Fixture("bytes")).Message, StringComparison.Ordinal);

    [Fact]
    public void Text_that_is_not_UTF_8_is_refused_instead_of_changed()
    {
        byte[] whole = File.ReadAllBytes(Fixture("uncompressed"));
        whole[whole.AsSpan().IndexOf("é"u8)] = 0xFF;
        LoraException failure = Failure(folder.Write("rows.parquet", whole));
        Assert.Equal(LoraError.RowInvalid, failure.Error);
        Assert.Contains("row 2: a text of it is not UTF-8", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_damaged_is_named_by_its_row_group_and_column()
    {
        byte[] whole = File.ReadAllBytes(Fixture("groups"));
        int[] frames = [.. Enumerable.Range(0, whole.Length).Where(at => whole.AsSpan(at).StartsWith(ZstandardFrame))];
        whole[frames[frames.Length / 3]] = 0; // the first of the second group's
        LoraException failure = Failure(folder.Write("rows.parquet", whole));
        Assert.Equal(LoraError.DatasetForm, failure.Error);
        Assert.Contains("in row group 2 of 3 (column \"text\":", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nested")]
    [InlineData("version2")]
    public void A_file_that_is_cut_off_anywhere_is_one_error(string name)
    {
        byte[] whole = File.ReadAllBytes(Fixture(name));
        for (int length = 4; length < whole.Length; length += 13)
        {
            Assert.Equal(LoraError.DatasetForm, Assert.Single(Failure(folder.Write("rows.parquet", whole.AsSpan(0, length))).Problems).Error);
        }
    }

    [Fact]
    public void Any_byte_that_is_changed_is_one_typed_error_or_none()
    {
        byte[] whole = File.ReadAllBytes(Fixture("nested"));
        for (int at = 0; at < whole.Length; at++)
        {
            byte[] changed = [.. whole];
            changed[at] ^= 0x80;
            Exception? failure = Record.Exception(() => Json(folder.Write("rows.parquet", changed)));
            Assert.True(failure is null or LoraException, $"byte {at}: {failure}");
        }
    }

    [Fact]
    public void A_file_that_is_packed_as_a_whole_is_to_be_unpacked()
    {
        using MemoryStream packed = new();
        using (System.IO.Compression.GZipStream gzip = new(packed, System.IO.Compression.CompressionMode.Compress))
        {
            gzip.Write(File.ReadAllBytes(Fixture("snappy")));
        }

        Assert.Contains("packed as a whole", Failure(folder.Write("rows.parquet.gz", packed.ToArray())).Message, StringComparison.Ordinal);
    }

    private static string Fixture(string name) => Repository.Fixture("parquet", name + ".parquet");

    private static LoraException Failure(string path) => Assert.Throws<LoraException>(() => DatasetReader.Read(new(path)).ToList());

    private static List<string> Json(string path)
    {
        using ParquetFile file = ParquetFile.Open(path);
        List<string> rows = [];
        for (int at = 0; at < file.GroupCount; at++)
        {
            ParquetRowGroup group = file.Read(at, CancellationToken.None);
            ArrayBufferWriter<byte> json = new();
            using Utf8JsonWriter writer = new(json);
            while (group.TryWriteNext(writer))
            {
                rows.Add(Encoding.UTF8.GetString(json.WrittenSpan));
                json.Clear();
                writer.Reset();
            }
        }

        return rows;
    }
}
