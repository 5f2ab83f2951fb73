using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

/// <summary>A process that dies between any two renames leaves no mix of old and new files, and what it had begun is done by the next one.</summary>
public sealed class FolderChangeTests : IDisposable
{
    private const int Renames = 5; // a, b and outdated out; a and b in

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    public static TheoryData<int> Moments { get; } = [.. Enumerable.Range(0, Renames + 1)];

    [Theory]
    [MemberData(nameof(Moments))]
    public void No_moment_shows_old_and_new_files_together_and_the_next_one_does_the_rest(int renames)
    {
        Cut(renames);
        string[] contents = [.. new[] { "a.txt", "b.txt", "outdated.txt" }.Select(name => files.File("target/" + name)).Where(File.Exists).Select(File.ReadAllText)];
        Assert.True(contents.Distinct().Count() <= 1, string.Join(", ", contents));

        FolderChange.Finish(files.File("target"));

        AssertDone();
    }

    [Theory]
    [MemberData(nameof(Moments))]
    public void The_next_writer_does_it_too_also_when_it_fails_itself(int renames)
    {
        Cut(renames);
        using (StagedFolder stage = new(files.File("target")))
        {
            stage.WriteText("c.txt", "never published");
        }

        AssertDone();
    }

    [Fact]
    public void What_a_living_process_is_about_to_do_is_left_to_it()
    {
        Cut(2);
        using (new FileStream(files.File(".target.abcdefgh.ijk.lock"), FileMode.CreateNew, FileAccess.Write, FileShare.None))
        {
            FolderChange.Finish(files.File("target"));
            Assert.Equal("old", File.ReadAllText(files.File("target/b.txt")));
        }

        FolderChange.Finish(files.File("target"));
        AssertDone();
    }

    [Fact]
    public void What_came_after_a_change_that_was_done_stays()
    {
        Cut(Renames); // the process died before it could take its note away
        files.Write("target/outdated.txt", "somebody's");

        FolderChange.Finish(files.File("target"));

        Assert.Equal("somebody's", File.ReadAllText(files.File("target/outdated.txt")));
    }

    [Fact]
    public void New_files_that_were_not_whole_do_not_come()
    {
        Directory.CreateDirectory(files.File("target"));
        Directory.CreateDirectory(files.File(".target.abcdefgh.ijk.tmp"));
        files.Write(".target.abcdefgh.ijk.tmp/a.txt", "hal");

        FolderChange.Finish(files.File("target"));

        Assert.Empty(Directory.GetFileSystemEntries(files.File("target")));
    }

    [Fact]
    public void An_adapter_whose_change_was_cut_is_whole_when_it_is_read()
    {
        string folder = files.File("target");
        AdapterFolder.Save(Adapter(rank: 2), folder);
        AdapterFolder.Save(Adapter(rank: 4), files.File("other"));
        string stage = Directory.CreateDirectory(files.File(".target.abcdefgh.ijk.tmp")).FullName;
        Array.ForEach(Directory.GetFiles(files.File("other")), file => File.Copy(file, Path.Combine(stage, Path.GetFileName(file))));
        Begin(stage, [], renames: 4); // the configuration is new, and there are no weights

        Assert.Equal(4, AdapterFolder.Load(folder).Config.Rank);
        Assert.Equal(4, AdapterFolder.Load(folder).Tensors[0].Shape[0]);
    }

    /// <summary>The folder as it is when the process dies after so many renames.</summary>
    private void Cut(int renames)
    {
        Directory.CreateDirectory(files.File("target"));
        string stage = Directory.CreateDirectory(files.File(".target.abcdefgh.ijk.tmp")).FullName;
        Array.ForEach(["a.txt", "b.txt", "outdated.txt"], name => files.Write("target/" + name, "old"));
        files.Write("target/kept.txt", "kept");
        Array.ForEach(["a.txt", "b.txt"], name => File.WriteAllText(Path.Combine(stage, name), "new"));
        Begin(stage, [files.File("target/outdated.txt")], renames);
    }

    private void Begin(string stage, string[] outdated, int renames)
    {
        FolderChange change = new(files.File("target"), stage);
        change.Begin(outdated);
        foreach ((string from, string to) in change.Renames().Take(renames))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Move(from, to);
        }
    }

    private void AssertDone()
    {
        Assert.Equal(["a.txt: new", "b.txt: new", "kept.txt: kept"],
            Directory.GetFiles(files.File("target")).Order(StringComparer.Ordinal).Select(path => $"{Path.GetFileName(path)}: {File.ReadAllText(path)}"));
        Assert.Equal([files.File("target")], Directory.GetFileSystemEntries(files.Path));
    }

    private static LoraAdapter Adapter(int rank) => new()
    {
        Config = new() { Rank = rank, TargetModule = ["q"] },
        Tensors = [new(PeftKey.Of("q", "lora_A.weight"), TensorDataType.F32, [rank, 1], new byte[4 * rank]), new(PeftKey.Of("q", "lora_B.weight"), TensorDataType.F32, [1, rank], new byte[4 * rank])],
    };
}
