using System.IO.Compression;
using System.Text;
using Lora.Data;
using Lora.Text;
using Lora.Training;

namespace Lora.Tests.Training;

public sealed class DatasetInspectionTests : IDisposable
{
    private const int MaxLength = 24;
    private const string Dialogue = """{"messages":[{"role":"system","content":"A zoo."},{"role":"user","content":"A fox?"},{"role":"assistant","content":"Red."},{"role":"user","content":"A hare?"},{"role":"assistant","content":"Grey."}]}""";

    private static readonly DataOptions Options = new() { ChatTemplate = "vicuna" };

    private static readonly Tokenizer Tokenizer = Tokenizer.Load(ExampleRun.Model);

    private readonly TemporaryFolder folder = new();
    private readonly RecordingObserver observer = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("text.jsonl", """{"text":"The fox is red."}|{"text":""}|{"text":"A long text of the fox and the hare that is cut at its end since it has more tokens than a row may have."}|{"text":"<|begin|>日本 é ✓<|end|>"}""")]
    [InlineData("text.jsonl.gz", """{"text":"The fox is red."}|{"text":"The hare."}""")]
    [InlineData("text.json", """[{"text":"The fox is red."},{"text":"The hare."}]""")]
    [InlineData("pairs.jsonl", """{"prompt":"The fox","completion":" is red."}|{"prompt":"a ","completion":"b"}|{"prompt":"x","completion":""}|{"prompt":"","completion":"y"}|{"prompt":"a prompt of so many words that nothing of what it is completed by is within the length of a row","completion":" z"}""")]
    [InlineData("pairs.csv", """prompt,completion|The fox," is ""red""."|a,b""")]
    [InlineData("chats.jsonl", Dialogue + "|" + """{"messages":[{"role":"user","content":"a<|end|>"},{"role":"assistant","content":"b"}]}|{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":""}]}""")]
    [InlineData("questions.csv", "question,answer|A fox?,Red.|A hare?,Grey.")]
    [InlineData("document.txt", "A document of several rows: the fox lives in the wood, the hare in the meadow, the owl in the barn, the frog in the pond, and the mouse in the kitchen of the mill.")]
    public void What_is_shown_is_what_is_trained(string name, string rows)
    {
        string path = Write(name, rows);
        using Dataset dataset = Dataset.Load([path], Tokenizer, new() { Data = Options, MaxLength = MaxLength });
        LoraDatasetRow[] shown = [.. Inspect([path], []).Where(row => row.SupervisedCount > 0)];

        Assert.NotEmpty(shown);
        Assert.Equal(dataset.Examples.Select(example => example.Ids), shown.Select(row => row.Id));
        Assert.Equal(dataset.Examples.Select(example => example.Line), shown.Select(row => row.Row));
        Assert.Equal(dataset.Examples.Select(Learned), shown.Select(Learned));
        Assert.Equal(dataset.Examples.Select(example => example.TargetCount), shown.Select(row => row.SupervisedCount));
        Assert.Equal(dataset.Files[0].TruncatedRows.Select(row => (row.Line, row.Tokens)), Inspect([path], []).Where(row => row.Truncated).Select(row => (row.Row, (int?)row.TokenCount)));
    }

    [Fact]
    public void What_is_shown_of_files_as_people_have_them_is_what_is_trained_or_says_why_it_is_refused()
    {
        foreach (string path in Directory.EnumerateFileSystemEntries(Repository.Shared("datasets")).Where(path => Path.GetFileName(path) is not ("expected.json" or "README.md")))
        {
            observer.Failures.Clear();
            LoraDatasetRow[] shown = Inspect([path], []);
            try
            {
                using Dataset dataset = Dataset.Load([path], Tokenizer, new() { Data = Options, MaxLength = MaxLength });
                shown = [.. shown.Where(row => row.SupervisedCount > 0)];
                Assert.Equal(dataset.Examples.Select(example => example.Ids), shown.Select(row => row.Id));
                Assert.Equal(dataset.Examples.Select(Learned), shown.Select(Learned));
            }
            catch (LoraException)
            {
                Assert.True(observer.Failures.Count > 0 || shown.Any(row => row.Problem is not null), path);
            }
        }
    }

    [Fact]
    public void Of_a_conversation_the_answers_are_learned_to_the_end_of_their_turns()
    {
        LoraDatasetRow row = Assert.Single(new DatasetInspection(ExampleRun.Model, new(Write("rows.jsonl", Dialogue)), Options).Rows(observer));

        Assert.Equal("<|begin|>A zoo. USER: A fox? ASSISTANT: Red.<|end|>USER: A hare? ASSISTANT: Grey.<|end|>", row.Text);
        Assert.Equal([" Red.<|end|>", " Grey.<|end|>"], row.Supervised.Select(range => range.Text));
        Assert.Equal(row.Supervised.Select(range => range.Text), row.Supervised.Select(range => string.Concat(row.Token[range.First..(range.Last + 1)])));
        Assert.Equal(DatasetFormat.Chat, row.Format);
        Assert.Null(row.Problem);
    }

    [Fact]
    public void A_conversation_that_the_template_refuses_or_that_spells_special_tokens_is_a_row_with_a_problem()
    {
        LoraDatasetRow[] rows = Inspect(
            [Write("rows.jsonl", """{"messages":[{"role":"tool","content":"a"},{"role":"assistant","content":"b"}]}|{"messages":[{"role":"user","content":"<|end|>"},{"role":"assistant","content":"b"}]}|{"messages":[{"role":"user","content":"a"},{"role":"nobody","content":"b"}]}""")],
            []);

        Assert.Contains("has no place in the format vicuna", rows[0].Problem, StringComparison.Ordinal);
        Assert.Equal("It has a message that spells a special token, which is read as characters; -AllowSpecialToken makes it a token.", rows[1].Problem);
        Assert.Contains("\"nobody\"", rows[2].Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Conversations_without_a_template_are_a_failure_that_says_how_to_give_one()
    {
        folder.Copy(ExampleRun.Model, "model");
        File.Delete(folder.File("model/chat_template.jinja"));

        Assert.Empty(new DatasetInspection(folder.File("model"), new(Write("rows.jsonl", Dialogue)), new()).Rows(observer));
        Assert.Equal(LoraError.ChatTemplateMissing, Assert.Single(observer.Failures).Error);
    }

    [Fact]
    public void Text_and_tokens_are_what_the_ids_write()
    {
        LoraDatasetRow row = Assert.Single(Inspect([Write("rows.jsonl", """{"prompt":"The fox","completion":" é✓."}""")], []));

        Assert.Equal("<|begin|>The fox é✓.<|end|>", row.Text);
        Assert.Equal(Tokenizer.Decode(row.Id, skipSpecialTokens: false), row.Text);
        Assert.Equal(row.Id.Length, row.Token.Length);
        Assert.Equal("<|begin|>", row.Token[0]);
        Assert.Equal(["<0xC3>", "<0xA9>", "<0xE2>", "<0x9C>", "<0x93>", ".", "<|end|>"], row.Token[^7..]);
        LoraSupervisedRange range = Assert.Single(row.Supervised);
        Assert.Equal(" é✓.<|end|>", range.Text);
        Assert.Equal(range.Text, row.Text[range.Start..]);
        Assert.Equal($"{range.First}..{row.Id.Length - 1}", $"{range}");
        Assert.Equal(DatasetFormat.Completion, row.Format);
        Assert.Null(row.Problem);
    }

    [Fact]
    public void A_bad_row_is_one_of_the_rows_and_the_others_follow()
    {
        string path = Write("rows.jsonl", """{"text":"a"}|{"text":|[1]|{"text":""}|{"prompt":"a","completion":"b"}|{"text":"b"}|{"text":7}""");

        LoraDatasetRow[] rows = Inspect([path], []);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], rows.Select(row => row.Row));
        Assert.All(rows, row => Assert.Equal(path, row.File));
        Assert.Equal([true, false, false, false, false, true, false], rows.Select(row => row.Problem is null));
        Assert.StartsWith("It is not JSON (", rows[1].Problem, StringComparison.Ordinal);
        Assert.Equal("It is not a JSON object.", rows[2].Problem);
        Assert.Equal("It is left out, with an empty text.", rows[3].Problem);
        Assert.Contains("must be of one kind", rows[4].Problem, StringComparison.Ordinal);
        Assert.Equal([DatasetFormat.Text, null, null, DatasetFormat.Text, null, DatasetFormat.Text, null], rows.Select(row => row.Format));
        Assert.Empty(observer.Failures);
    }

    [Fact]
    public void What_training_warns_of_is_a_problem()
    {
        string path = Write("rows.jsonl", """{"prompt":"The fox ","completion":"was red."}|{"prompt":"a","completion":" fox and a hare and an owl and a frog and a mouse and a duck and a goat."}|{"prompt":"a fox and a hare and an owl and a frog and a mouse and a duck and a goat","completion":"."}""");
        LoraDatasetRow[] rows = Inspect([path], []);

        Assert.StartsWith("It has a prompt and a completion that one token would join; it is cut there", rows[0].Problem, StringComparison.Ordinal);
        Assert.Equal($"It has {rows[1].TokenCount} tokens and is cut after {MaxLength}.", rows[1].Problem);
        Assert.Equal($"It is left out, with what is to be learned beyond the {MaxLength} tokens that are kept.", rows[2].Problem);
        Assert.Equal((MaxLength, 0, true), (rows[2].Id.Length, rows[2].SupervisedCount, rows[2].Truncated));
        Assert.NotEmpty(rows[2].Text);
    }

    [Fact]
    public void A_row_with_an_id_that_the_model_lacks_is_a_problem_of_its_own()
    {
        folder.Copy(ExampleRun.Model, "model");
        string config = folder.File("model/config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"vocab_size\": 512", "\"vocab_size\": 60", StringComparison.Ordinal));
        string path = Write("rows.jsonl", """{"text":"."}|{"text":"The fox is red."}""");

        LoraDatasetRow[] rows = [.. new DatasetInspection(folder.File("model"), new(path), new(), MaxLength).Rows(observer)];
        Assert.Null(rows[0].Problem);
        Assert.Contains("60", rows[1].Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_the_same_content_are_named_whatever_their_files_are_written_in()
    {
        string first = Write("first.jsonl", """{"text":"a"}|{"text":"b"}|{"text":"a"}""");
        string second = Write("second.csv", "text|b|c");
        string held = Write("held.json", """[{"text":"c"},{"text":"a"}]""");

        LoraDatasetRow[] rows = Inspect([first, second], [held]);
        Assert.Equal(
            [
                $"It stands in the validation set too (row 2 of '{held}').",
                null,
                $"It is the same as line 1. It stands in the validation set too (row 2 of '{held}').",
                $"It is the same as line 2 of '{first}'.",
                $"It stands in the validation set too (row 1 of '{held}').",
            ],
            rows.Select(row => row.Problem));
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_a_failure_and_the_next_one_follows()
    {
        string zip = folder.Write("rows.zip", [(byte)'P', (byte)'K', 3, 4, 0, 0]);
        LoraDatasetRow row = Assert.Single(Inspect([zip, Write("rows.jsonl", """{"text":"a"}""")], []));

        Assert.Null(row.Problem);
        Assert.Equal(LoraError.DatasetForm, Assert.Single(observer.Failures).Error);
    }

    [Fact]
    public void Rows_are_read_as_they_are_said_to_be_and_a_column_that_no_row_has_is_a_failure()
    {
        string path = Write("rows.jsonl", """{"q":"a","answer":"b"}""");
        DataOptions said = Options with { DatasetFormat = DatasetFormat.Completion, Column = new([new("prompt", "q")]) };

        Assert.Equal("<|begin|>ab<|end|>", Assert.Single(new DatasetInspection(ExampleRun.Model, new(path), said).Rows(observer)).Text);
        Assert.Empty(observer.Failures);
        Assert.NotNull(Assert.Single(new DatasetInspection(ExampleRun.Model, new(path), said with { Column = new([new("prompt", "z")]) }).Rows(observer)).Problem);
        Assert.Equal(LoraError.ColumnMissing, Assert.Single(observer.Failures).Error);
    }

    [Fact]
    public void What_is_wrong_before_any_row_is_said_together()
    {
        LoraException exception = Assert.Throws<LoraException>(() => new DatasetInspection(folder.Path, new(folder.File("none.jsonl")), new() { ChatTemplate = "none" }, maxLength: 1));

        Assert.Equal(
            [LoraError.ChatTemplateUnknown, LoraError.ConfigValueInvalid, LoraError.TokenizerMissing, LoraError.ConfigMissing, LoraError.PathNotFound],
            exception.Problems.Select(problem => problem.Error));
    }

    [Fact]
    public void Rows_are_read_when_they_are_asked_for_and_no_more_after_they_are_cancelled()
    {
        string path = folder.File("rows.jsonl");
        File.WriteAllLines(path, Enumerable.Range(0, 200_000).Select(number => $$"""{"text":"{{number}}"}"""));
        DatasetInspection inspection = new(ExampleRun.Model, new(path), new(), MaxLength);
        Assert.Equal([1, 2, 3], inspection.Rows(observer).Take(3).Select(row => row.Row));

        using CancellationTokenSource source = new();
        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (LoraDatasetRow row in inspection.Rows(observer, source.Token))
            {
                Assert.True(row.Row < 10_000);
                source.Cancel();
            }
        });
    }

    [Fact]
    public void What_is_to_be_said_of_a_file_is_said()
    {
        Inspect([Write("rows.jsonl", """{"text":"a","id":1}""")], []);
        Assert.Contains("\"id\"", Assert.Single(observer.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_template_writes_as_special_tokens_and_the_model_lacks_is_said_once()
    {
        string path = Write("rows.jsonl", Dialogue + "|" + Dialogue);
        Assert.Equal(2, new DatasetInspection(ExampleRun.Model, new(path), Options with { ChatTemplate = "chatml" }).Rows(observer).Count());
        Assert.Contains("writes <|im_start|>, <|im_end|>, which the model's vocabulary lacks", Assert.Single(observer.Warnings), StringComparison.Ordinal);
    }

    private static IEnumerable<int> Learned(TrainingExample example) => Enumerable.Range(1, example.Labels.Length - 1).Where(place => example.Labels[place] != TrainingExample.Unsupervised);

    private static IEnumerable<int> Learned(LoraDatasetRow row) => row.Supervised.SelectMany(range => Enumerable.Range(range.First, range.Last - range.First + 1));

    private LoraDatasetRow[] Inspect(IReadOnlyList<string> dataset, IReadOnlyList<string> heldOut)
    {
        TrainingData data = new(dataset, heldOut.Count == 0 ? [] : [ValidationSet.Of(heldOut)]);
        return [.. new DatasetInspection(ExampleRun.Model, data, Options, MaxLength).Rows(observer)];
    }

    /// <summary>Writes lines, which a bar stands between; packed where the name says so.</summary>
    private string Write(string name, string rows)
    {
        byte[] content = Encoding.UTF8.GetBytes(rows.Replace('|', '\n').Replace("<\nbegin\n>", "<|begin|>", StringComparison.Ordinal).Replace("<\nend\n>", "<|end|>", StringComparison.Ordinal));
        if (!name.EndsWith(".gz", StringComparison.Ordinal))
        {
            return folder.Write(name, content);
        }

        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return folder.Write(name, packed.ToArray());
    }
}
