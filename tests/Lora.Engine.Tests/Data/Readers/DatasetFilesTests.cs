using Lora.Data;

namespace Lora.Tests.Data;

public sealed class DatasetFilesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_folder_is_its_data_files_in_the_ordinal_order_of_their_paths()
    {
        Write("b.txt", "B.md", Path.Combine("a", "c.txt"), "README.md", ".hidden.txt", "picture.png");
        Assert.Equal(["B.md", Path.Combine("a", "c.txt"), "b.txt"], Names());
    }

    [Fact]
    public void Of_a_folder_with_held_out_rows_only_what_is_trained_on_is_read_and_that_is_said()
    {
        Write("test.jsonl", "train-1.jsonl", "train-0.jsonl", "validation.jsonl");
        Assert.Equal(["train-0.jsonl", "train-1.jsonl"], Names());
        Assert.Contains("test.jsonl, validation.jsonl", Assert.Single(DatasetFiles.Of([folder.Path])[^1].Notices), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_there_and_folders_without_one_form_are_reported_together()
    {
        Write("a.csv", "b.jsonl");
        Directory.CreateDirectory(folder.File("empty"));
        LoraException failure = Assert.Throws<LoraException>(() => DatasetFiles.Of([folder.File("none"), folder.Path, folder.File("empty")]));
        Assert.Equal([LoraError.PathNotFound, LoraError.DatasetForm, LoraError.DatasetEmpty], failure.Problems.Select(problem => problem.Error));
        Assert.Contains("CSV, JSON", failure.Message, StringComparison.Ordinal);
    }

    private void Write(params string[] names)
    {
        foreach (string name in names)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder.File(name))!);
            folder.Write(name, "text");
        }
    }

    private IEnumerable<string> Names() => DatasetFiles.Of([folder.Path]).Select(file => Path.GetRelativePath(folder.Path, file.Path));
}
