using System.Management.Automation;

namespace Lora.Commands.Tests.Commands;

public sealed class ExportLoraAdapterTests : IClassFixture<HostedShell>, IDisposable
{
    private const string Train = "$r = Get-LoraModule $model -Include q_proj | New-LoraConfig -Rank 2 | Invoke-LoraTraining -Dataset $train -MaxStep 1";

    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public ExportLoraAdapterTests(HostedShell shell) => this.shell = files.Share(shell);

    public void Dispose() => files.Dispose();

    [Fact]
    public void A_result_is_written_as_PEFT_s_three_files_and_nothing_is_returned()
    {
        ShellResult result = shell.Run($"{Train}; $r | Export-LoraAdapter $output/adapter").Succeeded();

        Assert.Empty(result.Output);
        Assert.Equal(
            ["README.md", "adapter_config.json", "adapter_model.safetensors"],
            Directory.GetFiles(files.File("adapter")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void PassThru_gives_the_folder()
    {
        ShellResult result = shell.Run($"{Train}; $r.Adapter | Export-LoraAdapter -Path $output/adapter -PassThru").Succeeded();
        Assert.Equal(files.File("adapter"), ((DirectoryInfo)result.Output.Single().BaseObject).FullName);
    }

    [Fact]
    public void An_adapter_that_is_there_is_kept_unless_Force_is_given()
    {
        shell.Run($"{Train}; $r | Export-LoraAdapter $output/adapter").Succeeded();
        ErrorRecord error = Assert.Single(shell.Run("$r | Export-LoraAdapter $output/adapter").Errors);

        Assert.Equal("LoraOutputExists,Lora.Commands.ExportLoraAdapterCommand", error.FullyQualifiedErrorId);
        Assert.Equal(ErrorCategory.ResourceExists, error.CategoryInfo.Category);
        shell.Run("$r | Export-LoraAdapter $output/adapter -Force").Succeeded();
    }

    [Fact]
    public void WhatIf_writes_nothing()
    {
        Assert.Contains("What if:", shell.Show($"{Train}; $r | Export-LoraAdapter $output/adapter -WhatIf"), StringComparison.Ordinal);
        Assert.False(Directory.Exists(files.File("adapter")));
    }

    [Fact]
    public void Two_adapters_do_not_go_to_one_folder()
    {
        ShellResult result = shell.Run($"{Train}; $r, $r | Export-LoraAdapter $output/adapter -Force");
        Assert.Equal("LoraOutputRepeated,Lora.Commands.ExportLoraAdapterCommand", result.ErrorIds.Single());
    }

    [Theory]
    [InlineData("$output/a[bc]*", "LoraOutputHasWildcard")]
    [InlineData("env:adapter", "LoraPathNotFileSystem")]
    public void A_path_that_is_no_folder_is_refused(string path, string id) => Assert.Equal(
        $"{id},Lora.Commands.ExportLoraAdapterCommand", shell.Run($"{Train}; $r | Export-LoraAdapter \"{path}\"").ErrorIds.Single());

    [Fact]
    public void A_literal_path_may_have_brackets()
    {
        shell.Run($"{Train}; $r | Export-LoraAdapter -LiteralPath $output/[x]").Succeeded();
        Assert.True(File.Exists(files.File("[x]/adapter_config.json")));
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_an_error_with_the_system_s_reason()
    {
        files.Write("file", "");
        Assert.Equal("LoraOutputFailed,Lora.Commands.ExportLoraAdapterCommand", shell.Run($"{Train}; $r | Export-LoraAdapter $output/file/adapter").ErrorIds.Single());
    }
}
