using Lora.Native;

namespace Lora.Tests.Native;

public sealed class NativeFolderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lora-native-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_engine_s_folder_its_deps_and_the_runtime_folders_below_are_searched_in_this_order()
    {
        string runtime = Path.Combine("runtimes", NativePlatform.Identifier, "native");

        Assert.Equal(
            [folder, Path.Combine(folder, runtime), Path.Combine(folder, "deps"), Path.Combine(folder, "deps", runtime)],
            NativeFolder.Candidates(null, folder));
    }

    [Fact]
    public void A_folder_that_the_user_chose_excludes_the_engine_s_own() =>
        Assert.DoesNotContain(folder, NativeFolder.Candidates(Path.Combine(folder, "chosen"), folder));

    [Fact]
    public void The_first_folder_that_holds_the_bridge_is_taken()
    {
        string deps = Directory.CreateDirectory(Path.Combine(folder, "deps")).FullName;
        File.WriteAllText(Path.Combine(deps, NativePlatform.FileName(NativeFolder.Bridge)), "");

        Assert.Equal(deps, NativeFolder.Find(NativeFolder.Candidates(null, folder)));
        Assert.Null(NativeFolder.Find([folder]));
    }
}
