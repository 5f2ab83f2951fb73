using Lora.Native;

namespace Lora.Tests.Native;

public sealed class UserRuntimeTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_folder_without_libtorch_is_none() => Assert.Equal([], UserRuntime.Candidates(folder.Path, () => true));

    [Fact]
    public void A_user_without_a_folder_for_data_has_none() => Assert.Equal([], UserRuntime.Candidates(null, () => true));

    [Theory]
    [InlineData(LoraBackend.Cpu)]
    [InlineData(LoraBackend.Cuda)]
    public void The_only_one_is_taken_and_nobody_asks_for_a_driver(LoraBackend backend) =>
        Assert.Equal([Make(backend)], UserRuntime.Candidates(folder.Path, () => throw new InvalidOperationException("asked")));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Of_two_CUDA_s_comes_first_where_the_driver_is(bool hasDriver)
    {
        string cpu = Make(LoraBackend.Cpu);
        string cuda = Make(LoraBackend.Cuda);

        Assert.Equal(hasDriver ? [cuda, cpu] : [cpu, cuda], UserRuntime.Candidates(folder.Path, () => hasDriver));
    }

    [Fact]
    public void The_version_is_that_of_the_assembly_that_calls_the_libraries() =>
        Assert.StartsWith(UserRuntime.Version, typeof(TorchSharp.torch).Assembly.GetName().Version!.ToString(), StringComparison.Ordinal);

    private string Make(LoraBackend backend)
    {
        string path = Directory.CreateDirectory(UserRuntime.Folder(folder.Path, backend, NativePlatform.Identifier)).FullName;
        File.WriteAllText(Path.Combine(path, NativePlatform.FileName(NativeFolder.Torch)), "");
        return path;
    }
}
