using Lora.Native;

namespace Lora.Tests.Native;

public sealed class NativeFolderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lora-native-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_program_s_own_come_first_then_the_engine_s_folder_its_deps_and_the_runtime_folders_below()
    {
        string runtime = Path.Combine("runtimes", NativePlatform.Identifier, "native");

        Assert.Equal(
            ["own", folder, Path.Combine(folder, runtime), Path.Combine(folder, "deps"), Path.Combine(folder, "deps", runtime)],
            NativeFolder.Candidates(null, "own", folder));
    }

    [Fact]
    public void The_folder_that_the_build_wrote_beside_the_engine_comes_last()
    {
        File.WriteAllText(Path.Combine(folder, "Lora.Engine.libtorch"), "/built/here/\n");
        Assert.Equal("/built/here/", NativeFolder.Candidates(null, null, folder)[^1]);
    }

    [Fact]
    public void A_folder_that_the_user_chose_excludes_all_others()
    {
        string chosen = Path.Combine(folder, "chosen");
        Assert.All(NativeFolder.Candidates(chosen, "own", folder), candidate => Assert.StartsWith(chosen, candidate, StringComparison.Ordinal));
    }

    [Fact]
    public void The_first_folder_that_holds_libtorch_is_taken_not_one_with_TorchSharp_s_bridge_alone()
    {
        Touch("", NativeFolder.Bridge);
        string deps = Touch("deps", NativeFolder.Torch);

        Assert.Equal(deps, NativeFolder.Find(NativeFolder.Candidates(null, null, folder)));
        Assert.Null(NativeFolder.Find([folder]));
    }

    [Fact]
    public void A_program_has_libtorch_of_its_own_where_NET_looks_for_natives()
    {
        string own = Touch("own", NativeFolder.Torch);

        Assert.Equal(own, NativeFolder.OfProgram(string.Join(Path.PathSeparator, folder, own + Path.DirectorySeparatorChar)));
        Assert.Null(NativeFolder.OfProgram(folder));
        Assert.Null(NativeFolder.OfProgram(null));
    }

    private string Touch(string name, string library)
    {
        string path = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        File.WriteAllText(Path.Combine(path, NativePlatform.FileName(library)), "");
        return path;
    }
}
