namespace Lora.Commands.Tests.Common;

/// <summary>Output paths; brackets stand for themselves. Paths that have to exist are tested with Get-LoraModule.</summary>
public sealed class PathResolverTests : IDisposable
{
    private readonly HostedShell shell = HostedShell.With("Resolve-Destination", typeof(ResolveDestinationCommand));

    public void Dispose() => shell.Dispose();

    [Theory]
    [InlineData("'./new/adapter'", "new/adapter")]
    [InlineData("'with space'", "with space")]
    [InlineData("'a`[1`]'", "a[1]")]
    [InlineData("'a[1]'", "a[1]")]
    [InlineData("'a`*'", "a*")]
    [InlineData("'a[1]*' -Literal", "a[1]*")]
    public void It_need_not_exist_and_starts_at_the_shell_s_location(string arguments, string expected) => Assert.Equal(
        [Path.GetFullPath(expected)],
        shell.Run("Resolve-Destination " + arguments).Succeeded().Texts);

    [Theory]
    [InlineData("'*'")]
    [InlineData("'a[1]*'")]
    [InlineData("'`*what?'")]
    public void Wildcards_are_refused(string path) => Assert.Equal(
        ["LoraOutputHasWildcard,Lora.Commands.Tests.Common.ResolveDestinationCommand"],
        shell.Run("Resolve-Destination " + path).ErrorIds);

    [Theory]
    [InlineData("env:PATH", "LoraPathNotFileSystem")]
    [InlineData("nosuchdrive:\\x", "LoraPathNotFound")]
    [InlineData("NoProvider::x", "LoraPathNotFound")]
    public void What_is_not_of_the_file_system_is_refused(string path, string id) => Assert.Equal(
        [id + ",Lora.Commands.Tests.Common.ResolveDestinationCommand"],
        shell.Run($"Resolve-Destination '{path}'").ErrorIds);
}
