using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class OutputFolderTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void A_trial_leaves_everything_as_it_was()
    {
        Assert.Null(OutputFolder.WhyNot(files.File("a/b/c")));
        Assert.Null(OutputFolder.WhyNot(files.Path));
        Assert.Empty(Directory.GetFileSystemEntries(files.Path));
    }

    [Theory]
    [InlineData("file")]
    [InlineData("file/below")]
    [InlineData("new/file\0name")]
    public void What_is_in_the_way_is_named(string path)
    {
        files.Write("file", "in the way");
        Assert.NotEmpty(OutputFolder.WhyNot(files.File(path))!);
        Assert.Equal([files.File("file")], Directory.GetFileSystemEntries(files.Path));
    }

    [Fact]
    public void A_name_that_is_too_long_leaves_no_folder_on_the_way_to_it()
    {
        Assert.NotEmpty(OutputFolder.WhyNot(files.File("a/b/" + new string('x', 300)))!);
        Assert.Empty(Directory.GetFileSystemEntries(files.Path));
    }

    [Fact]
    public void A_disk_without_room_is_found_out()
    {
        using SmallDisk disk = SmallDisk.OrSkip();
        disk.Fill();
        Assert.NotEmpty(OutputFolder.WhyNot(disk.File("adapter"))!);
        Assert.False(Directory.Exists(disk.File("adapter")));
    }

    [Fact]
    public void A_device_s_name_is_refused_on_Windows()
    {
        Assert.SkipUnless(OperatingSystem.IsWindows(), "Only Windows has names of devices in every folder.");
        Assert.Contains("device", OutputFolder.WhyNot("con")!, StringComparison.Ordinal);
    }

    [Fact]
    public void Folders_that_were_made_stay_as_soon_as_something_lies_in_them()
    {
        using (new OutputFolder(files.File("a/b")))
        {
            files.Write("a/x", "");
        }

        Assert.Equal([files.File("a"), files.File("a/x")], Directory.GetFileSystemEntries(files.Path, "*", SearchOption.AllDirectories));
    }
}
