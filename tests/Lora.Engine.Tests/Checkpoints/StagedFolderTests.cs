using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class StagedFolderTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void What_is_outdated_goes_and_files_in_folders_of_their_own_come()
    {
        string outdated = files.Write("old.txt", "old");
        files.Write("kept.txt", "kept");
        using (StagedFolder stage = new(files.Path))
        {
            stage.WriteText("new.txt", "new");
            Directory.CreateDirectory(stage.PathOf("part"));
            stage.WriteText("part/inner.txt", "inner");
            stage.Publish([outdated]);
        }

        Assert.Equal(
            ["kept.txt", "new.txt", "part/inner.txt"],
            Directory.GetFiles(files.Path, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(files.Path, path).Replace('\\', '/')).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_file_that_cannot_take_its_place_leaves_everything_as_it_was()
    {
        string outdated = files.Write("old.txt", "old");
        files.Write("a.txt", "first");
        Directory.CreateDirectory(files.File("b.txt"));
        using (StagedFolder stage = new(files.Path))
        {
            stage.WriteText("a.txt", "second");
            stage.WriteText("b.txt", "in the way of a folder");
            Assert.ThrowsAny<IOException>(() => stage.Publish([outdated]));
        }

        Assert.Equal(("old", "first"), (File.ReadAllText(outdated), File.ReadAllText(files.File("a.txt"))));
        Assert.Equal(["a.txt", "b.txt", "old.txt"], Directory.GetFileSystemEntries(files.Path).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_files_wait_beside_the_folder_and_nothing_of_them_is_left_there()
    {
        string folder = Directory.CreateDirectory(files.File("adapter")).FullName;
        using (StagedFolder stage = new(folder))
        {
            stage.WriteText("a.txt", "a");
            Assert.Equal(files.Path, Path.GetDirectoryName(Path.GetDirectoryName(stage.PathOf("a.txt"))));
            stage.Publish();
        }

        Assert.Equal([folder], Directory.GetFileSystemEntries(files.Path));
        Assert.Equal([Path.Combine(folder, "a.txt")], Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void A_read_only_file_is_replaced_and_nothing_of_it_stays()
    {
        string folder = Directory.CreateDirectory(files.File("adapter")).FullName;
        string old = files.Write("adapter/a.txt", "old");
        File.SetAttributes(old, FileAttributes.ReadOnly);
        List<string> warnings = [];
        using (StagedFolder stage = new(folder, warnings.Add))
        {
            stage.WriteText("a.txt", "new");
            stage.Publish();
        }

        Assert.Empty(warnings);
        Assert.Equal("new", File.ReadAllText(old));
        Assert.Equal([folder], Directory.GetFileSystemEntries(files.Path));
        Assert.Single(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void What_killed_writers_left_goes_with_the_next_writing_and_what_a_living_one_writes_stays()
    {
        string folder = Directory.CreateDirectory(files.File("adapter")).FullName;
        Directory.CreateDirectory(files.File(".adapter.abcdefgh.ijk.tmp"));
        files.Write(".adapter.abcdefgh.ijk.tmp/adapter_model.safetensors", "half");
        files.Write(".adapter.abcdefgh.ijk.lock", "");
        files.Write(".adapter.bcdefghi.jkl.lock", ""); // of one that was killed before its folder was there
        Directory.CreateDirectory(files.File("adapter/.adapter.01234501.234.tmp"));
        files.Write("adapter/training_state.safetensors.abcdefgh.ijk.tmp", "half");
        File.SetLastWriteTimeUtc(files.File("adapter/training_state.safetensors.abcdefgh.ijk.tmp"), DateTime.UtcNow.AddMinutes(-1));
        Directory.CreateDirectory(files.File(".another.abcdefgh.ijk.tmp"));
        Directory.CreateDirectory(files.File(".adapter.mine.tmp"));
        using StagedFolder living = new(folder);

        using (StagedFolder stage = new(folder))
        {
            stage.WriteText("a.txt", "a");
            stage.Publish();
        }

        Assert.Equal(["a.txt"], Directory.GetFileSystemEntries(folder).Select(Path.GetFileName));
        Assert.Single(Directory.GetFiles(files.Path)); // the lock of the living one
        Assert.Equal(
            [".adapter.mine.tmp", ".another.abcdefgh.ijk.tmp", Path.GetFileName(Path.GetDirectoryName(living.PathOf("x")))!, "adapter"],
            Directory.GetDirectories(files.Path).Select(path => Path.GetFileName(path)).OrderBy(name => (name != ".adapter.mine.tmp", name == "adapter", !name.StartsWith(".another", StringComparison.Ordinal))));
    }

    [Fact]
    public void A_link_to_a_folder_stays_a_link_and_its_files_are_replaced_where_they_are()
    {
        Directory.CreateDirectory(files.File("volume/adapter"));
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a right under Windows.");
        Directory.CreateSymbolicLink(files.File("link"), files.File("volume/adapter"));
        using (StagedFolder stage = new(files.File("link")))
        {
            Assert.StartsWith(files.File("volume"), stage.PathOf("a.txt"), StringComparison.Ordinal);
            stage.WriteText("a.txt", "a");
            stage.Publish();
        }

        Assert.Equal("a", File.ReadAllText(files.File("volume/adapter/a.txt")));
        Assert.NotNull(new DirectoryInfo(files.File("link")).LinkTarget);
    }
}
