using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_new_content_replaces_the_old_one()
    {
        string path = folder.Write("x", "the old and longer content");
        AtomicFile.Write(path, stream => stream.Write("new"u8));
        Assert.Equal("new", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_full_disk_leaves_the_old_file_and_nothing_else()
    {
        string path = folder.Write("x", "old");
        LoraException exception = Assert.Throws<LoraException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new IOException("No space left on device");
        }));

        Assert.Equal(LoraError.OutputFailed, exception.Error);
        Assert.IsType<IOException>(exception.InnerException);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_writer_that_gives_up_leaves_nothing()
    {
        Assert.Throws<OperationCanceledException>(() => AtomicFile.Write(folder.File("x"), _ => throw new OperationCanceledException()));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_folder_that_is_not_there_is_an_error_of_the_output()
    {
        string path = Path.Combine(folder.Path, "none", "x");
        Assert.Equal(LoraError.OutputFailed, Assert.Throws<LoraException>(() => AtomicFile.Write(path, _ => { })).Error);
    }

    [Fact]
    public void A_device_without_room_is_an_error_of_the_output()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "This system has no /dev/full.");
        string path = folder.Write("x", "old");
        LoraException exception = Assert.Throws<LoraException>(() => AtomicFile.Write(path, _ =>
        {
            using FileStream full = File.OpenWrite("/dev/full");
            full.Write(new byte[1 << 16]);
            full.Flush(flushToDisk: true);
        }));
        Assert.Equal(LoraError.OutputFailed, exception.Error);
        Assert.Equal("old", File.ReadAllText(path));
    }

    [Fact]
    public void What_a_killed_writer_left_goes_and_what_another_writes_or_has_just_written_stays()
    {
        string left = Old("x.abcdefgh.ijk.tmp");
        string[] kept = [Old("y.abcdefgh.ijk.tmp"), Old("x.mine.tmp"), Old("x.abcdefgh.222.tmp"), folder.Write("x.abcdefgh.333.tmp", "about to be renamed")];
        using FileStream open = new(folder.File("x.abcdefgh.222.tmp"), FileMode.Open, FileAccess.Write, FileShare.None);

        AtomicFile.Write(folder.File("x"), stream => stream.Write("new"u8));
        Assert.False(File.Exists(left));
        Assert.All(kept, path => Assert.True(File.Exists(path), path));

        string Old(string name)
        {
            string path = folder.Write(name, "half");
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(-1));
            return path;
        }
    }
}
