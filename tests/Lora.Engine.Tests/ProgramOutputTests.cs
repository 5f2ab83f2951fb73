namespace Lora.Tests;

/// <summary>What the programs of this repository have beside them.</summary>
public sealed class ProgramOutputTests
{
    private static readonly DirectoryInfo Output = new(AppContext.BaseDirectory); // artifacts/bin/Lora.Engine.Tests/debug

    /// <summary>.NET would load it without asking the engine; on Linux it is one that older systems cannot load.</summary>
    [Fact]
    public void None_has_a_copy_of_TorchSharp_s_natives() => Assert.All(
        Directory.GetDirectories(Output.Parent!.Parent!.FullName).Select(project => Path.Combine(project, Output.Name)).Where(Directory.Exists),
        folder =>
        {
            Assert.DoesNotContain(Directory.GetFiles(folder, "*", SearchOption.AllDirectories), path => Path.GetFileName(path).Contains("LibTorchSharp", StringComparison.Ordinal));
            Assert.All(Directory.GetFiles(folder, "*.runtimeconfig.json").Select(path => path.Replace("runtimeconfig", "deps", StringComparison.Ordinal)), path => Assert.DoesNotContain("LibTorchSharp", File.ReadAllText(path), StringComparison.Ordinal));
        });

    [Fact]
    public void Those_that_use_the_engine_are_told_where_libtorch_lies() =>
        Assert.True(Directory.Exists(File.ReadAllText(Path.Combine(Output.FullName, "Lora.Engine.libtorch")).Trim()));

    [Fact]
    public void Nothing_of_the_build_s_tools_lies_beside_the_example() => Assert.DoesNotContain(
        Directory.GetFiles(Path.Combine(Output.Parent!.Parent!.FullName, "AttachToOwnModel", Output.Name)), path => Path.GetFileName(path).StartsWith("ElfMend", StringComparison.Ordinal));
}
