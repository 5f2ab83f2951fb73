using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

public sealed class FilePrefixStoreTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void A_process_that_is_killed_leaves_no_file()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows removes the file itself.");
        using DisposeScope scope = NewDisposeScope();
        using FilePrefixStore store = new(files.Path);
        int number = store.Add(Arithmetic.Range(0, 5, ScalarType.Float32, CPU));

        Assert.Empty(Directory.GetFileSystemEntries(files.Path)); // while it is in use
        Tensor read = zeros(5, device: CPU);
        store.Read(number, read);
        Assert.Equal([0f, 1, 2, 3, 4], read.data<float>().ToArray());
    }

    [Fact]
    public void Files_of_earlier_processes_go_and_those_in_use_stay_as_others_do()
    {
        files.Write("lora-prefix-left", "of a process that was killed");
        files.Write("prefix-of-something-else", "");
        string used = files.Write("lora-prefix-used", "");
        using FileStream user = new(used, FileMode.Open, FileAccess.ReadWrite, FileShare.Read); // as version 0.1.0 has it open
        using FilePrefixStore store = new(files.Path);

        Assert.False(File.Exists(files.File("lora-prefix-left")));
        Assert.True(File.Exists(used));
        Assert.True(File.Exists(files.File("prefix-of-something-else")));
    }

    [Fact]
    public void A_full_disk_is_an_exception_of_the_system()
    {
        using SmallDisk disk = SmallDisk.OrSkip();
        using DisposeScope scope = NewDisposeScope();
        using FilePrefixStore store = new(disk.File(""));
        Tensor values = zeros(50_000, dtype: ScalarType.Float32, device: CPU); // 200 kB
        store.Add(values);
        Assert.Throws<IOException>(() => store.Add(values));
    }
}
