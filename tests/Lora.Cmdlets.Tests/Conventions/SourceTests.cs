using System.Text.RegularExpressions;

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

    /// <summary>Commands whose verb is Install or Publish, and Get-LoraModule -Remote, are all that touches the network.</summary>
    [Fact]
    public void The_network_is_asked_by_the_hub_s_client_and_the_packages_feed_and_these_by_few_commands()
    {
        string[] speakers = [.. Sources("Lora.Cmdlets").Concat(Sources("Lora.Engine")).Where(file => Regex.IsMatch(File.ReadAllText(file), @"\bSystem\.Net\b|\bHttpClient\b|\bSocket\b|\bWebRequest\b"))];
        Assert.All(speakers, file => Assert.Matches(@"^src/Lora\.Engine/(Hub|Runtime)/", Path.GetRelativePath(Repository.Root, file).Replace('\\', '/')));

        string[] commands = [.. Sources("Lora.Cmdlets").Where(file => Regex.IsMatch(File.ReadAllText(file), @"\bnew HubClient\b|\bHubClient \w+ = new\b|\bRuntimeInstaller\.Install\b"))];
        Assert.Equal(
            ["GetLoraModuleCommand.cs", "InstallLoraModelCommand.cs", "InstallLoraRuntimeCommand.cs", "PublishLoraAdapterCommand.cs"],
            commands.Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
    }

    private static string[] Sources(string project) =>
        Directory.GetFiles(Path.Combine(Repository.Root, "src", project), "*.cs", SearchOption.AllDirectories);
}
