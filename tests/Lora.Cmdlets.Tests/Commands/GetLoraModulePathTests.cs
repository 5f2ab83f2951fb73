using System.Management.Automation;

namespace Lora.Commands.Tests.Commands;

/// <summary>How Get-LoraModule understands paths.</summary>
public sealed class GetLoraModulePathTests : IClassFixture<HostedShell>, IDisposable
{
    private const string Models = " | ForEach-Object Model";

    private readonly HostedShell shell;
    private readonly ModelFolder models = new();

    public GetLoraModulePathTests(HostedShell shell) => this.shell = shell.With("models", models.Path);

    public void Dispose() => models.Dispose();

    [Theory]
    [InlineData("Get-LoraModule -LiteralPath \"$models/a[1] b\"")]
    [InlineData("Get-LoraModule -LP \"$models/a[1] b\"")]
    [InlineData("Get-LoraModule \"$models/a``[1``] b\"")]
    [InlineData("Get-LoraModule \"$models/a* b\"")]
    [InlineData("[System.IO.DirectoryInfo]::new(\"$models/a[1] b\") | Get-LoraModule")]
    [InlineData("[System.IO.FileInfo]::new(\"$models/a[1] b/model.safetensors\") | Get-LoraModule")]
    [InlineData("[pscustomobject]@{ PSPath = \"Microsoft.PowerShell.Core\\FileSystem::$models/a[1] b\" } | Get-LoraModule")]
    public void Brackets_and_spaces_belong_to_a_name_where_they_are_literal_or_escaped(string script)
    {
        models.Add("a[1] b");

        Assert.Equal(6, shell.Run(script).Succeeded().Output.Count);
    }

    [Theory]
    [InlineData("\"$models/one\" | Get-LoraModule")]
    [InlineData("[pscustomobject]@{ Path = \"$models/one\" } | Get-LoraModule")]
    [InlineData("$executionContext.SessionState.InvokeProvider.Item.Get(\"$models/one\") | Get-LoraModule")]
    [InlineData("Get-LoraModule \"$models/one/model.safetensors\"")]
    public void Text_objects_with_a_path_items_and_files_are_taken(string script)
    {
        models.Add("one");

        Assert.Equal(6, shell.Run(script).Succeeded().Output.Count);
    }

    [Fact]
    public void Wildcards_name_several_models()
    {
        string[] expected = [models.Add("one"), models.Add("other")];

        string[] found = [.. shell.Run("Get-LoraModule \"$models/o*\" -Include lm_head" + Models).Succeeded().Texts];

        Assert.Equal(expected.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_relative_path_starts_at_the_shell_s_location_not_the_process_s()
    {
        string one = models.Add("one");

        const string Elsewhere = """
            $before = $PWD
            $null = $executionContext.SessionState.Path.SetLocation($models)
            try { Get-LoraModule ./one -Include lm_head | ForEach-Object Model } finally { $null = $executionContext.SessionState.Path.SetLocation($before) }
            """;

        Assert.Equal([one], shell.Run(Elsewhere).Succeeded().Texts);
        Assert.NotEqual(models.Path, Environment.CurrentDirectory);
    }

    [Fact]
    public void A_drive_of_the_session_leads_to_its_folder()
    {
        string one = models.Add("one");
        const string NewDrive = """
            $file = $executionContext.SessionState.Provider.GetOne('FileSystem')
            $null = $executionContext.SessionState.Drive.New([System.Management.Automation.PSDriveInfo]::new('models', $file, $models, '', $null), 'Global')
            """;

        Assert.Equal([one], shell.Run(NewDrive + "\nGet-LoraModule models:/one -Include lm_head" + Models).Succeeded().Texts);
    }

    [Theory]
    [InlineData("env:PATH", "LoraPathNotFileSystem", ErrorCategory.InvalidArgument)]
    [InlineData("missing", "LoraModelNotCached", ErrorCategory.ObjectNotFound)] // as gpt2 is called
    [InlineData("missing.safetensors", "LoraPathNotFound", ErrorCategory.ObjectNotFound)]
    [InlineData("https://huggingface.co/org/name", "LoraHubNameInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("models--org--name", "LoraHubNameInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("missing*", "LoraPathNotFound", ErrorCategory.ObjectNotFound)]
    [InlineData("nosuchdrive:/x", "LoraPathNotFound", ErrorCategory.ObjectNotFound)]
    public void A_path_that_leads_nowhere_is_an_error_and_the_next_one_follows(string path, string id, ErrorCategory category)
    {
        models.Add("one");

        ShellResult result = shell.With("bad", path).Run("Get-LoraModule $bad, \"$models/one\"");

        ErrorRecord error = Assert.Single(result.Errors);
        Assert.Equal(id + ",Lora.Commands.GetLoraModuleCommand", error.FullyQualifiedErrorId);
        Assert.Equal(category, error.CategoryInfo.Category);
        Assert.Equal(path, error.TargetObject);
        Assert.NotEmpty(error.ErrorDetails.RecommendedAction);
        Assert.Equal(6, result.Output.Count);
    }

    [Fact]
    public void ErrorAction_Stop_ends_at_the_first_path_that_leads_nowhere()
    {
        models.Add("one");

        ShellResult result = shell.Run("try { Get-LoraModule missing.safetensors, \"$models/one\" -ErrorAction Stop } catch { $_.FullyQualifiedErrorId }");

        Assert.Equal(["LoraPathNotFound,Lora.Commands.GetLoraModuleCommand"], result.Texts);
    }

    [Fact]
    public void A_damaged_file_is_reported_by_its_cause_and_the_next_model_follows()
    {
        File.WriteAllBytes(Path.Combine(models.Add("damaged"), "model.safetensors"), [1, 2, 3]);
        models.Add("one");

        ShellResult result = shell.Run("Get-LoraModule \"$models/damaged\", \"$models/one\"");

        Assert.StartsWith("LoraSafetensors", Assert.Single(result.ErrorIds), StringComparison.Ordinal);
        Assert.Equal(6, result.Output.Count);
    }
}
