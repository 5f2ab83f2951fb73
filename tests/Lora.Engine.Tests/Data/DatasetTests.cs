using System.Text.Json;
using Lora.Data;
using Lora.Text;

namespace Lora.Tests.Data;

public sealed class DatasetTests : IDisposable
{
    private const int Begin = 0;
    private const int End = 1;
    private const int Ignored = -100;

    private readonly TemporaryFolder folder = new();
    private readonly Tokenizer tokenizer;

    public DatasetTests()
    {
        // Only bytes: a byte's id is its value plus two.
        BytePairTrainer.Train([], new() { VocabularySize = 258, BeginToken = "<s>", EndToken = "</s>" }, folder.Path);
        tokenizer = Tokenizer.Load(folder.Path);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_text_is_learned_whole_with_its_end()
    {
        TrainingExample example = One(new { text = "ab" });
        Assert.Equal([Begin, 'a' + 2, 'b' + 2, End], example.Ids);
        Assert.Equal(example.Ids, example.Labels);
        Assert.Equal(3, example.TargetCount);
    }

    [Fact]
    public void A_completion_is_learned_with_its_end_and_its_prompt_is_not()
    {
        TrainingExample example = One(new { prompt = "a", completion = "bc" });
        Assert.Equal([Begin, 'a' + 2, 'b' + 2, 'c' + 2, End], example.Ids);
        Assert.Equal([Ignored, Ignored, 'b' + 2, 'c' + 2, End], example.Labels);
        Assert.Equal(3, example.TargetCount);
    }

    [Theory]
    [InlineData("<s>ab")]
    [InlineData("ab</s>")]
    [InlineData("<s>ab</s>")]
    public void Special_tokens_that_the_text_spells_are_not_doubled(string text) =>
        Assert.Equal([Begin, 'a' + 2, 'b' + 2, End], One(new { text }).Ids);

    [Fact]
    public void The_end_that_a_tokenizer_adds_to_every_text_does_not_stand_between_prompt_and_completion()
    {
        string json = File.ReadAllText(folder.File("tokenizer.json"));
        int template = json.IndexOf("\"post_processor\"", StringComparison.Ordinal);
        int decoder = json.IndexOf("\"decoder\"", StringComparison.Ordinal);
        const string Closing = """
            "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"</s>"}}],
            "special_tokens":{"<s>":{"ids":[0]},"</s>":{"ids":[1]}}},
            """;
        folder.Write("tokenizer.json", json[..template] + Closing + json[decoder..]);
        Tokenizer closing = Tokenizer.Load(folder.Path);
        Dataset dataset = Dataset.Load([Write(new { prompt = "a", completion = "b" }), folder.Write("text.jsonl", """{"text":"ab"}""")], closing, new());

        Assert.Equal([Begin, 'a' + 2, End], closing.Encode("a"));
        Assert.All(dataset.Examples, example => Assert.Equal([Begin, 'a' + 2, 'b' + 2, End], example.Ids));
    }

    [Fact]
    public void Long_rows_are_cut_and_reported()
    {
        Dataset dataset = Load(new() { MaxLength = 3 }, new { text = "abcd" }, new { text = "a" });
        Assert.Equal([new(1, 6)], dataset.Files[0].TruncatedRows);
        Assert.Equal([Begin, 'a' + 2, 'b' + 2], dataset.Examples[0].Ids);
        Assert.Equal([Begin, 'a' + 2, End], dataset.Examples[1].Ids);
        Assert.Equal(6, dataset.TokenCount);
        Assert.Equal(4, dataset.TargetCount);
    }

    [Fact]
    public void Rows_with_nothing_to_learn_are_left_out_and_reported()
    {
        Dataset dataset = Load(
            new() { MaxLength = 4 },
            new { prompt = "abcdef", completion = "g" },
            new { prompt = "a", completion = "" },
            new { prompt = "", completion = "" },
            new { prompt = "a", completion = "b" });
        Assert.Equal([1, 2, 3], dataset.Files[0].UnsupervisedRows);
        Assert.Equal([new(1, 9)], dataset.Files[0].TruncatedRows);
        Assert.Equal(4, Assert.Single(dataset.Examples).Line);
    }

    [Fact]
    public void A_dataset_with_nothing_to_learn_is_an_error() =>
        Assert.Equal(LoraError.NoSupervisedToken, Failure(new() { MaxLength = 3 }, new { prompt = "long", completion = "b" }).Error);

    [Fact]
    public void An_id_outside_the_model_vocabulary_is_an_error_before_training()
    {
        LoraException failure = Failure(new() { VocabularySize = 100 }, new { text = "z" });
        Assert.Equal(LoraError.TokenOutOfRange, failure.Error);
        Assert.Contains("124", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_limit_without_room_for_a_target_is_an_error() =>
        Assert.Equal(LoraError.ConfigValueInvalid, Failure(new() { MaxLength = 1 }, new { text = "z" }).Error);

    [Fact]
    public void Of_a_very_long_row_what_is_kept_equals_the_beginning_of_the_whole_and_the_rest_is_not_encoded()
    {
        string text = string.Concat(Enumerable.Repeat("ab ", 700_000));
        Dataset dataset = Dataset.Load([Write(new { text }), folder.Write("pair.jsonl", $$"""{"prompt":"{{text}}","completion":"b"}""")], tokenizer, new() { MaxLength = 100 });
        ExampleMaker maker = new(tokenizer, new() { MaxLength = 100 });
        long before = GC.GetAllocatedBytesForCurrentThread();
        maker.Make(new TextRow(1, text), CancellationToken.None);
        maker.Make(new CompletionRow(2, text, "b"), CancellationToken.None);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.All(dataset.Files, file => Assert.Equal([new(1, null)], file.TruncatedRows));
        Assert.Equal([1], dataset.Files[1].UnsupervisedRows);
        Assert.Equal(tokenizer.Encode(text)[..100], Assert.Single(dataset.Examples).Ids);

        // The text and its copies; the ids and words of the whole text would be over forty times.
        Assert.InRange(allocated, 0, 10 * 2 * text.Length);
    }

    [Fact]
    public void Rows_beyond_the_model_s_positions_and_rows_with_a_joined_border_are_counted_with_their_lines()
    {
        Dataset dataset = Load(new() { Positions = 4 }, new { text = "abcd" }, new { text = "a" });
        Assert.Equal([1], dataset.Files[0].OverlongRows);
        Assert.Empty(dataset.Files[0].BorderRows);
    }

    [Fact]
    public void Reading_ends_when_it_is_cancelled() => Assert.Throws<OperationCanceledException>(() =>
        Dataset.Load([Write(new { text = "a" })], tokenizer, new(), cancellation: new CancellationToken(canceled: true)));

    [Fact]
    public void A_long_document_becomes_rows_in_which_every_token_but_the_first_is_learned_once()
    {
        Dataset dataset = Dataset.Load([folder.Write("text.txt", "abcdefgh\r\n")], tokenizer, new() { MaxLength = 4 });
        int[] whole = [Begin, .. "abcdefgh\n".Select(letter => letter + 2), End];
        Assert.Equal(whole.Skip(1), dataset.Examples.SelectMany(example => example.Labels.Skip(1)));
        Assert.All(dataset.Examples, example => Assert.InRange(example.Ids.Length, 2, 4));
        Assert.Empty(dataset.Files[0].TruncatedRows);
    }

    [Fact]
    public void Several_files_are_read_in_their_order_and_what_befell_rows_is_told_by_file()
    {
        string first = folder.Write("b.jsonl", "{\"text\":\"a\",\"id\":1}\n{\"text\":\"\"}"), second = folder.Write("a.csv", "text\nb\n");
        Dataset dataset = Dataset.Load([first, second], tokenizer, new());
        Assert.Equal(['a' + 2, 'b' + 2], dataset.Examples.Select(example => example.Ids[1]));
        string[] warnings = [.. DatasetReport.Warnings(dataset, new())];
        Assert.Equal([$"'{first}' has columns that are not used: \"id\".", $"1 row of '{first}' was left out, with an empty text (line 2)."], warnings);
    }

    [Fact]
    public void Rows_that_are_left_out_are_said_with_the_reason()
    {
        Dataset dataset = Load(new() { MaxLength = 4 }, new { prompt = "abcdef", completion = "g" }, new { prompt = "a", completion = "" }, new { prompt = "", completion = "" }, new { prompt = "a", completion = "b" });
        string path = dataset.Files[0].Path;
        Assert.Equal(
            [$"2 rows of '{path}' were left out, with an empty completion (lines 2, 3).", $"1 row of '{path}' was left out, with what is to be learned beyond the 4 tokens that are kept (line 1)."],
            DatasetReport.Rows(dataset, new()).Where(row => row.Contains("left out", StringComparison.Ordinal)));
    }

    [Fact]
    public void Prompts_that_the_chat_template_did_not_write_are_said_unless_it_was_said_how_they_are_read()
    {
        static string[] Notices(Dataset dataset) => [.. dataset.Files[0].Notices];
        DataOptions chatml = new() { ChatTemplate = "chatml" };
        Assert.Contains("-DatasetFormat Chat", Assert.Single(Notices(Load(new() { Data = chatml }, new { prompt = "a", completion = "b" }))), StringComparison.Ordinal);
        Assert.Empty(Notices(Load(new() { Data = chatml }, new { prompt = "a", completion = "b" }, new { prompt = "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n", completion = "b" })));
        Assert.Empty(Notices(Load(new() { Data = chatml with { DatasetFormat = DatasetFormat.Completion } }, new { prompt = "a", completion = "b" })));
        Assert.Empty(Notices(Load(new() { Data = chatml }, new { text = "a" })));
        Assert.Empty(Notices(Load(new(), new { prompt = "a", completion = "b" }))); // without a template
    }

    [Fact]
    public void A_column_that_is_said_to_be_read_is_one_of_some_row_of_some_dataset()
    {
        DatasetOptions options = new() { Data = new() { Column = new([new("prompt", "ask"), new("completion", "reply")]) } };
        Dataset asked = Dataset.Load([folder.Write("ask.csv", "Ask,note,reply\na,n,b\n")], tokenizer, options), general = Dataset.Load([Write(new { text = "ab" })], tokenizer, options);
        RowRules.CheckFound([.. general.Files, .. asked.Files]);
        Assert.Equal(DatasetFormat.Completion, asked.Files[0].Format);
        Assert.Equal([$"Read as prompts with their completions: '{asked.Files[0].Path}'"], DatasetReport.Formats(asked));

        LoraException failure = Assert.Throws<LoraException>(() => RowRules.CheckFound(general.Files));
        Assert.Equal([LoraError.ColumnMissing, LoraError.ColumnMissing], failure.Problems.Select(problem => problem.Error));
        Assert.Contains("rows.jsonl' has the column 'ask', which is to be read; they have \"text\"", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bad_rows_of_several_files_are_reported_together()
    {
        string[] paths = [folder.Write("b.jsonl", "{}"), folder.Write("c.jsonl", "{\"text\":1}")];
        LoraException failure = Assert.Throws<LoraException>(() => Dataset.Load(paths, tokenizer, new()));
        Assert.Equal(2, failure.Problems.Count);
    }

    private TrainingExample One(object row) => Assert.Single(Load(new(), row).Examples);

    private LoraException Failure(DatasetOptions options, params object[] rows) => Assert.Throws<LoraException>(() => Load(options, rows));

    private Dataset Load(DatasetOptions options, params object[] rows) => Dataset.Load([Write(rows)], tokenizer, options);

    private string Write(params object[] rows) => folder.Write("rows.jsonl", string.Join('\n', rows.Select(row => JsonSerializer.Serialize(row))));
}
