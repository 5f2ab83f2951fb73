using System.IO.Compression;
using System.Text.Json;
using Lora.Data;
using Lora.Text;
using Lora.Training;

namespace Lora.Tests.Data;

/// <summary>What holds of a million rows, on a few: the limits under which a dataset is encoded at once are lowered to nothing.</summary>
public sealed class LargeDatasetTests : IDisposable
{
    private const int Rows = 200;
    private const int LongestText = 40;

    private static readonly Tokenizer Tokenizer = Tokenizer.Load(Lora.Tests.Training.ExampleRun.Model);

    private readonly TemporaryFolder folder = new();
    private readonly TemporaryFolder temporary = new();

    private DatasetOptions Large => new() { MaxLength = 24, Limits = new() { EncodedAtOnce = 0, Spooled = 1000, Kept = 4000, TemporaryFolder = temporary.Path } };

    private static DatasetOptions Small => new() { MaxLength = 24 };

    public void Dispose()
    {
        temporary.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("rows.jsonl")]
    [InlineData("rows.jsonl.gz")]
    [InlineData("rows.json")]
    [InlineData("rows.csv")]
    [InlineData("text.txt")]
    public void Examples_are_those_of_a_dataset_that_is_encoded_at_once_in_any_order_and_number_of_times(string name)
    {
        string path = Write(name);
        using Dataset small = Dataset.Load([path], Tokenizer, Small);
        using Dataset large = Dataset.Load([path], Tokenizer, Large);

        Assert.Equal((true, false), (small.IsEncoded, large.IsEncoded));
        Assert.Equal(small.Count, large.Count);
        foreach (int number in Enumerable.Range(0, large.Count).Reverse().Concat(Enumerable.Range(0, large.Count)))
        {
            AssertSame(small.Example(number)!, large.Example(number)!);
        }

        Assert.Equal(small.Examples.Count, large.Examples.Count);
        Assert.Equal(small.Files[0].TruncatedRows.OrderBy(row => row.Line), large.Files[0].TruncatedRows.OrderBy(row => row.Line));
        Assert.True(large.TokenCount >= small.TokenCount);
    }

    [Fact]
    public void Steps_are_those_of_a_dataset_that_is_encoded_at_once()
    {
        string path = Write("rows.jsonl");
        using Dataset small = Dataset.Load([path], Tokenizer, Small);
        using Dataset large = Dataset.Load([path], Tokenizer, Large);
        TrainingOptions options = new() { BatchSize = 3, GradientAccumulation = 2, Epoch = 2 };
        TrainingSteps expected = new(small, options, Batch.Padding), found = new(large, options, Batch.Padding);

        Assert.Equal((68, expected.Rate), (found.Total, found.Rate));
        Assert.All(expected.After(5).Zip(found.After(5)), pair =>
        {
            Assert.Equal((pair.First.Number, pair.First.Epoch, pair.First.Tokens), (pair.Second.Number, pair.Second.Epoch, pair.Second.Tokens));
            Assert.Equal(pair.First.Batches.Select(entry => entry.Batch.InputIds), pair.Second.Batches.Select(entry => entry.Batch.InputIds));
            Assert.Equal(pair.First.Batches.Select(entry => entry.Batch.Labels), pair.Second.Batches.Select(entry => entry.Batch.Labels));
        });
        Assert.Equal(expected.Largest(default).InputIds.Length, found.Largest(default).InputIds.Length);
        Assert.InRange(found.Shapes(default).Count(), 1, 40);
    }

    [Fact]
    public void A_row_that_is_found_empty_is_skipped_and_counted_once_and_the_schedule_keeps_its_length()
    {
        string path = Write("rows.jsonl", [.. Enumerable.Range(0, 40).Select(row => row % 4 == 0 ? new { prompt = "a", completion = "b" } : (object)new { prompt = new string('x', 200), completion = "b" })]);
        using Dataset dataset = Dataset.Load([path], Tokenizer, Large);
        TrainingSteps steps = new(dataset, new() { BatchSize = 2, Epoch = 2 }, Batch.Padding);
        TrainingStepBatches[] made = [.. steps.After(0)];

        Assert.Equal((40, 40), (dataset.Count, steps.Total));
        Assert.Equal(Enumerable.Range(1, 40), made.Select(step => step.Number));

        // A step whose rows are all empty has another row: no step is without anything to learn.
        Assert.All(made, step => Assert.InRange(step.SupervisedTokens, 1, 50));
        Assert.Equal(Enumerable.Range(1, 40).Where(line => (line - 1) % 4 != 0), dataset.Files[0].UnsupervisedRows.Order());
        Assert.Equal(30, dataset.Files[0].TruncatedRows.Count);
        Assert.Contains(DatasetReport.Rows(dataset, Large), warning => warning.StartsWith("30 rows", StringComparison.Ordinal) && warning.Contains("(lines 2, 3, 4, 6, 7 and 25 more)", StringComparison.Ordinal));
    }

    [Fact]
    public void Where_no_row_has_anything_to_learn_that_is_said_before_training() => Assert.Equal(
        LoraError.NoSupervisedToken,
        Assert.Throws<LoraException>(() => Dataset.Load([Write("rows.jsonl", new { text = "" }, new { text = "" })], Tokenizer, Large)).Error);

    [Theory]
    [InlineData("changed")]
    [InlineData("shortened")]
    [InlineData("damaged")]
    public void A_row_of_a_file_that_was_changed_meanwhile_is_named_by_file_and_line(string how)
    {
        string path = Write("rows.jsonl");
        using Dataset dataset = Dataset.Load([path], Tokenizer, Large);
        byte[] whole = File.ReadAllBytes(path);
        int last = whole.AsSpan().LastIndexOf("note"u8);
        whole[last] = how == "damaged" ? (byte)'"' : (byte)'v';
        File.WriteAllBytes(path, how == "shortened" ? whole[..^8] : whole);

        LoraException failure = Assert.Throws<LoraException>(() => dataset.Example(Rows - 1));
        Assert.Equal(LoraError.DatasetChanged, failure.Error);
        Assert.Contains($"'{path}'", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"line {Rows}", failure.Message, StringComparison.Ordinal);
        Assert.NotNull(dataset.Example(1)); // a row that is as it was
    }

    [Fact]
    public void A_file_that_is_gone_is_named()
    {
        string path = Write("rows.jsonl");
        using Dataset dataset = Dataset.Load([path], Tokenizer, Large);
        File.Delete(path);
        Assert.Equal(LoraError.FileUnreadable, Assert.Throws<LoraException>(() => dataset.Example(Rows - 1)).Error);
    }

    [Fact]
    public void What_fails_on_another_thread_arrives_once_in_its_step()
    {
        string path = Write("rows.jsonl");
        using Dataset dataset = Dataset.Load([path], Tokenizer, Large with { Limits = Large.Limits with { Kept = 0 } });
        TrainingSteps steps = new(dataset, new() { BatchSize = 4 }, Batch.Padding);
        int taken = 0;
        LoraException failure = Assert.Throws<LoraException>(() =>
        {
            foreach (TrainingStepBatches step in steps.After(0))
            {
                taken = step.Number;
                if (taken == 3)
                {
                    File.WriteAllText(path, "");
                }
            }
        });

        // What was made ahead is still trained on.
        Assert.Equal(LoraError.DatasetChanged, failure.Error);
        Assert.InRange(taken, 3, 5);
        Assert.Single(failure.Problems);
    }

    [Fact]
    public void A_dataset_that_cannot_be_read_at_a_place_takes_a_temporary_file_which_goes_with_it()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows shows the file until it is closed.");
        temporary.Write("lora-rows-left", "of a process that was killed");
        using (Dataset dataset = Dataset.Load([Write("rows.csv")], Tokenizer, Large))
        {
            Assert.Empty(Directory.GetFileSystemEntries(temporary.Path)); // while it is in use
            Assert.NotNull(dataset.Example(0));
        }

        Assert.Empty(Directory.GetFileSystemEntries(temporary.Path));
    }

    [Fact]
    public void A_full_temporary_folder_is_named_with_the_way_out()
    {
        using SmallDisk disk = SmallDisk.OrSkip(64);
        disk.Fill();
        DatasetOptions options = Large with { Limits = Large.Limits with { TemporaryFolder = disk.File("") } };
        LoraException failure = Assert.Throws<LoraException>(() => Dataset.Load([Write("rows.csv")], Tokenizer, options));

        Assert.Equal(LoraError.TemporaryFileFailed, failure.Error);
        Assert.Contains("TMPDIR", failure.Problems[0].Advice, StringComparison.Ordinal);
        Assert.Equal(Rows, Dataset.Load([Write("rows.jsonl")], Tokenizer, options).Count); // JSON Lines need none
    }

    [Fact]
    public void An_index_of_a_million_rows_takes_34_megabytes()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        RowIndex index = new();
        for (int row = 0; row < 1_000_000; row++)
        {
            index.Add(new(row, (ulong)row, 300, 290, 0, row + 1));
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 34_000_000);
        Assert.Equal((1_000_000, 290_000_000, 77), (index.Count, index.Length, index[76].Line));
    }

    private static void AssertSame(TrainingExample expected, TrainingExample found)
    {
        Assert.Equal(expected.Ids, found.Ids);
        Assert.Equal(expected.Labels, found.Labels);
        Assert.Equal(expected.Line, found.Line);
    }

    private static string Text(int row) => $"note {row}: the fox, \"the\" owl\nand {new string('é', row % LongestText)}";

    private string Write(string name)
    {
        object[] rows = [.. Enumerable.Range(0, Rows).Select(row => new { text = Text(row) })];
        string lines = string.Join('\n', rows.Select(row => JsonSerializer.Serialize(row)));
        switch (name)
        {
            case "rows.jsonl.gz":
                using (GZipStream packed = new(File.Create(folder.File(name)), CompressionLevel.Fastest))
                {
                    packed.Write(System.Text.Encoding.UTF8.GetBytes(lines));
                }

                return folder.File(name);
            case "rows.json":
                return folder.Write(name, JsonSerializer.Serialize(rows));
            case "rows.csv":
                return folder.Write(name, "text\n" + string.Join('\n', Enumerable.Range(0, Rows).Select(row => $"\"{Text(row).Replace("\"", "\"\"", StringComparison.Ordinal)}\"")));
            case "text.txt":
                return folder.Write(name, string.Join("\n\n", Enumerable.Range(0, Rows).Select(Text)));
            default:
                return Write(name, rows);
        }
    }

    private string Write(string name, params object[] rows) => folder.Write(name, string.Join('\n', rows.Select(row => JsonSerializer.Serialize(row))));
}
