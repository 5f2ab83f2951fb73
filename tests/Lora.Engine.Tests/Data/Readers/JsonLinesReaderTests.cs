using Lora.Data;

namespace Lora.Tests.Data;

public sealed class JsonLinesReaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Rows_are_read_with_their_lines_and_blank_lines_are_skipped()
    {
        Assert.Equal([new TextRow(1, "été\n"), new TextRow(4, "b")], Read("{\"text\":\"été\\n\"}\r\n\r\n  \n{\"text\":\"b\"}"));
        Assert.Equal([new CompletionRow(1, "2+2=", "4")], Read("{\"prompt\":\"2+2=\",\"completion\":\"4\",\"source\":7}"));
    }

    [Fact]
    public void A_byte_order_mark_is_no_part_of_the_first_row()
    {
        IReadOnlyList<DatasetRow> rows = Read("\uFEFF{\"text\":\"a\"}\n");
        Assert.Equal([new TextRow(1, "a")], rows);
    }

    [Theory]
    [InlineData("text", "not JSON")]
    [InlineData("[1]", "not a JSON object")]
    [InlineData("""{"message":"a"}""", "neither")]
    [InlineData("""{"text":"\ud800"}""", "surrogate")]
    [InlineData("""{"text":5}""", "\"text\" is not a string")]
    [InlineData("""{"prompt":"a"}""", "without a \"completion\"")]
    [InlineData("""{"completion":"a"}""", "without a \"prompt\"")]
    [InlineData("""{"text":"a","completion":"b"}""", "beside")]
    public void A_bad_line_is_named_with_its_number(string line, string reason)
    {
        LoraException failure = Failure("{\"text\":\"good\"}\n\n" + line);
        Assert.Equal(LoraError.RowInvalid, failure.Error);
        Assert.Contains("line 3:", failure.Message, StringComparison.Ordinal);
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_that_is_not_UTF_8_is_refused_instead_of_changed()
    {
        string path = folder.Write("latin.jsonl", [.. "{\"text\":\""u8, 0xE9, .. "\"}\n"u8]);
        LoraException failure = Assert.Throws<LoraException>(() => DatasetReader.Read(new(path)).ToList());
        Assert.Equal(LoraError.RowInvalid, failure.Error);
        Assert.Contains("UTF-8", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_with_one_cause_are_one_problem_that_names_the_first_and_counts_the_others()
    {
        LoraProblem problem = Assert.Single(Failure("{\"text\":\"good\"}\n" + string.Concat(Enumerable.Repeat("oops\n", 30))).Problems);
        Assert.Contains("lines 2, 3, 4, 5, 6 and 25 more: it is not JSON", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_rows_is_an_error() => Assert.Equal(LoraError.DatasetEmpty, Failure("\n \n").Error);

    [Fact]
    public void A_missing_file_is_an_error() =>
        Assert.Equal(LoraError.PathNotFound, Assert.Throws<LoraException>(() => DatasetReader.Read(new(folder.File("none.jsonl"))).ToList()).Error);

    private IReadOnlyList<DatasetRow> Read(string content) => [.. DatasetReader.Read(new(folder.Write("rows.jsonl", content)))];

    private LoraException Failure(string content) => Assert.Throws<LoraException>(() => Read(content));
}
