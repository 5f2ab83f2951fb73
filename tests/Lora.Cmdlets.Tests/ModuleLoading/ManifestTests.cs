using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Reflection;

namespace Lora.Commands.Tests.ModuleLoading;

public sealed class ManifestTests(HostedShell shell) : IClassFixture<HostedShell>
{
    private readonly Hashtable manifest = (Hashtable)((ScriptBlockAst)Parser.ParseFile(Repository.Manifest, out _, out _))
        .Find(ast => ast is HashtableAst, searchNestedScriptBlocks: false).SafeGetValue();

    [Fact]
    public void Test_ModuleManifest_finds_nothing_wrong()
    {
        ShellResult result = shell.With("manifest", Repository.Manifest).Run("Test-ModuleManifest -Path $manifest").Succeeded();

        Assert.Equal("Lora", ((PSModuleInfo)result.Output.Single().BaseObject).Name);
        Assert.Empty(result.Warnings);
    }

    [Fact]
    public void The_version_is_that_of_the_assembly()
    {
        Version version = AssemblyName.GetAssemblyName(Repository.Bin("Lora.dll")).Version!;

        Assert.Equal(version.ToString(3), manifest["ModuleVersion"]);
        Assert.Equal(version, AssemblyName.GetAssemblyName(Repository.Bin("Lora.Engine.dll")).Version);
    }

    [Fact]
    public void The_version_is_that_of_the_changelog_s_top_entry() => Assert.Equal(
        $"## {manifest["ModuleVersion"]}",
        File.ReadLines(Path.Combine(Repository.Root, "CHANGELOG.md")).First(line => line.StartsWith("## ", StringComparison.Ordinal)));

    [Theory]
    [InlineData("Author")]
    [InlineData("CompanyName")]
    [InlineData("Copyright")]
    [InlineData("Description")]
    public void What_the_Gallery_asks_for_is_there(string key) => Assert.NotEmpty((string)manifest[key]!);

    [Fact]
    public void The_guid_never_changes() => Assert.Equal("8a5b1fc2-1f0c-4bf0-81f8-957a0117e0a3", manifest["GUID"]);

    [Fact]
    public void Every_cmdlet_and_nothing_else_is_exported_and_each_list_is_literal()
    {
        Assert.Equal(Cmdlets.Names.Order(), ((object[])manifest["CmdletsToExport"]!).Cast<string>().Order());
        foreach (string key in new[] { "FunctionsToExport", "AliasesToExport", "VariablesToExport", "DscResourcesToExport" })
        {
            Assert.Empty((object[])manifest[key]!);
        }
    }

    [Fact]
    public void It_asks_for_PowerShell_7_6_Core()
    {
        Assert.Equal("7.6", manifest["PowerShellVersion"]);
        Assert.Equal(["Core"], (object[])manifest["CompatiblePSEditions"]!);
    }

    [Fact]
    public void The_files_that_it_names_exist()
    {
        string[] files = [(string)manifest["RootModule"]!, .. ((object[])manifest["FormatsToProcess"]!).Cast<string>()];

        Assert.All(files, file => Assert.True(File.Exists(Path.Combine(Repository.Root, file)), file));
    }

    [Fact]
    public void The_data_for_the_Gallery_is_complete()
    {
        Hashtable data = (Hashtable)((Hashtable)manifest["PrivateData"]!)["PSData"]!;

        Assert.Contains("PSEdition_Core", (object[])data["Tags"]!);
        Assert.All((object[])data["Tags"]!, tag => Assert.DoesNotContain(" ", (string)tag, StringComparison.Ordinal));
        Assert.StartsWith("https://", (string)data["LicenseUri"]!, StringComparison.Ordinal);
        Assert.StartsWith("https://", (string)data["ProjectUri"]!, StringComparison.Ordinal);
        Assert.NotEmpty((string)data["ReleaseNotes"]!);
        Assert.False((bool)data["RequireLicenseAcceptance"]!);
    }
}
