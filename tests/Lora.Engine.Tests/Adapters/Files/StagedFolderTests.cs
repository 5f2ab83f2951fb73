using Lora.Adapters;

namespace Lora.Tests.Adapters;

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
}
