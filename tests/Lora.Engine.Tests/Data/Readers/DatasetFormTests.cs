using System.Diagnostics;
using Lora.Data;

namespace Lora.Tests.Data;

public sealed class DatasetFormTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string, byte[], string> Others => new()
    {
        { "rows.jsonl.gz", [0x1F, 0x8B, 8, 0], "a gzip file" },
        { "rows.zip", "PK\u0003\u0004"u8.ToArray(), "a zip file" },
        { "rows.parquet", "PAR1"u8.ToArray(), "a Parquet file" },
        { "rows.arrow", "ARROW1\0\0"u8.ToArray(), "an Arrow file" },
        { "rows.db", "SQLite format 3\0"u8.ToArray(), "an SQLite database" },
        { "rows.parquet", "{\"text\":\"a\"}"u8.ToArray(), "named as a Parquet file" },
        { "rows.jsonl", "version https://git-lfs.github.com/spec/v1\n"u8.ToArray(), "a Git LFS pointer" },
    };

    [Theory]
    [MemberData(nameof(Others))]
    public void A_file_of_another_form_is_named_once_as_what_it_is(string name, byte[] content, string form)
    {
        LoraException failure = Failure(folder.Write(name, content));
        Assert.Equal(LoraError.DatasetForm, Assert.Single(failure.Problems).Error);
        Assert.Contains($"is {form}", failure.Message.Replace("is text in", "is", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_is_named_as_one() => Assert.Contains("is a folder", Failure(folder.Path).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"chosen":"a","rejected":"b"}""", "a preference row")]
    [InlineData("""{"a":1,"b":2}""", "but \"a\", \"b\"")]
    [InlineData("{}", "it is empty")]
    public void A_row_of_another_kind_is_named_as_what_it_is(string row, string kind)
    {
        LoraException failure = Failure(folder.Write("rows.jsonl", row));
        Assert.Equal(LoraError.RowInvalid, failure.Error);
        Assert.Contains(kind, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_given_twice_is_an_error() =>
        Assert.Contains("\"completion\" more than once", Failure(folder.Write("rows.jsonl", """{"prompt":"a","completion":"b","completion":"c"}""")).Message, StringComparison.Ordinal);

    [Fact]
    public void Other_keys_may_be_as_deep_as_they_like()
    {
        string deep = new string('[', 5000) + new string(']', 5000);
        Assert.Single(DatasetReader.Read(new(folder.Write("rows.jsonl", $$"""{"text":"a","other":{{deep}}}"""))));
    }

    [Fact]
    public void Twenty_causes_are_named_and_rows_with_others_counted()
    {
        string rows = string.Concat(Enumerable.Range(0, 100).Select(row => $$"""{"key{{row}}":1}""" + "\n"));
        LoraException failure = Failure(folder.Write("rows.jsonl", rows));
        Assert.Equal(21, failure.Problems.Count);
        Assert.Contains("and 75 more: other problems", failure.Problems[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipe_or_a_device_is_refused_unopened()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Pipes and devices are files on Linux.");
        string link = folder.File("zero.jsonl");
        File.CreateSymbolicLink(link, "/dev/zero");
        string pipe = folder.File("pipe.jsonl");
        Process.Start("mkfifo", pipe).WaitForExit();
        Assert.Equal([LoraError.DatasetEmpty, LoraError.DatasetEmpty], new[] { link, pipe }.Select(path => Failure(path).Error));
    }

    [Fact]
    public void A_link_to_a_file_is_read_as_the_file()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows lets few users make links.");
        File.CreateSymbolicLink(folder.File("link.jsonl"), folder.Write("rows.jsonl", """{"text":"a"}"""));
        Assert.Single(DatasetReader.Read(new(folder.File("link.jsonl"))));
    }

    [Fact]
    public void Rows_longer_and_shorter_than_the_reader_s_buffer_are_read_in_their_order()
    {
        int[] lengths = [1, 200_000, 5, 65_536, 70_000, 3, 500_000, 2];
        string rows = string.Join('\n', lengths.Select(length => $$"""{"text":"{{new string('x', length)}}"}"""));
        Assert.Equal(lengths, DatasetReader.Read(new(folder.Write("rows.jsonl", rows))).OfType<TextRow>().Select(row => row.Text.Length));
    }

    [Fact]
    public void Reading_ends_when_it_is_cancelled()
    {
        string path = folder.Write("rows.jsonl", """{"text":"a"}""");
        Assert.Throws<OperationCanceledException>(() => DatasetReader.Read(new(path), new CancellationToken(canceled: true)).ToList());
    }

    private static LoraException Failure(string path) => Assert.Throws<LoraException>(() => DatasetReader.Read(new(path)).ToList());
}
