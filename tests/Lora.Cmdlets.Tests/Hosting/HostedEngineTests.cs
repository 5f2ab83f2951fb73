namespace Lora.Commands.Tests.Hosting;

/// <summary>What the module's scripts and examples can count on where there is no pwsh.</summary>
public sealed class HostedEngineTests : IDisposable
{
    private readonly HostedShell shell = HostedShell.Bare();

    public void Dispose() => shell.Dispose();

    [Fact]
    public void Every_cmdlet_of_the_bare_engine_is_a_core_one() => Assert.Equal(
        ["Microsoft.PowerShell.Core"],
        shell.Run("Get-Command -CommandType Cmdlet | ForEach-Object ModuleName").Succeeded().Texts.Distinct());

    [Fact]
    public void It_is_the_version_that_the_manifest_asks_for() => Assert.StartsWith(
        "7.6.",
        shell.Run("\"$($PSVersionTable.PSVersion)\"").Succeeded().Texts.Single(),
        StringComparison.Ordinal);
}
