using Lora.Native;
using TorchSharp;

namespace Lora.Tests.Native;

public class TorchLibraryTests
{
    [Fact]
    public void TorchSharp_computes_without_writing_to_the_console_after_the_libraries_were_loaded()
    {
        TextWriter before = Console.Out;
        using StringWriter console = new();
        Console.SetOut(console);
        try
        {
            TorchLibrary.Load();
            TorchLibrary.Load();
            using torch.Tensor sum = torch.ones(3, 4, device: torch.CPU).sum();
            Assert.Equal(12f, sum.ToSingle());
        }
        finally
        {
            Console.SetOut(before);
        }

        Assert.Equal("", console.ToString());
    }

    [Fact]
    public void Loading_leaves_no_copy_of_libtorch_beside_TorchSharp()
    {
        TorchLibrary.Load();
        using torch.Tensor one = torch.ones(1, device: torch.CPU);

        Assert.False(Directory.Exists(Path.Combine(AppContext.BaseDirectory, "cpu")));
    }

    [Fact]
    public async Task Threads_that_load_at_the_same_time_all_succeed() =>
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(TorchLibrary.Load, TestContext.Current.CancellationToken)));

    [Fact]
    public void A_library_is_found_by_its_bare_name()
    {
        Assert.True(File.Exists(TorchLibrary.FindFile("torch_cpu")));
        Assert.Null(TorchLibrary.FindFile("no_such_library"));
    }
}
