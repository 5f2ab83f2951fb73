namespace Lora.Commands.Tests.Conventions;

public sealed class SourceTests
{
    [Theory]
    [InlineData("Lora.Cmdlets")]
    [InlineData("Lora.Engine")]
    public void Nothing_writes_to_the_console(string project) => Assert.All(Sources(project), file =>
        Assert.DoesNotMatch(@"\bConsole\.(Out|Error|Write)", File.ReadAllText(file)));

    [Fact]
    public void Cmdlets_take_paths_from_the_shell_and_never_from_the_process() => Assert.All(Sources("Lora.Cmdlets"), file =>
        Assert.DoesNotMatch(@"Environment\.CurrentDirectory|Directory\.GetCurrentDirectory|Path\.GetFullPath", File.ReadAllText(file)));

    private static string[] Sources(string project) =>
        Directory.GetFiles(Path.Combine(Repository.Root, "src", project), "*.cs", SearchOption.AllDirectories);
}
