using System.Management.Automation;
using System.Runtime.Loader;
using Lora.Commands.Tests.Commands;

namespace Lora.Commands.Tests.ModuleLoading;

public sealed class ImportTests : IDisposable
{
    private readonly HostedShell shell = HostedShell.Bare().With("module", Repository.Manifest);

    public void Dispose() => shell.Dispose();

    [Fact]
    public void It_exports_the_cmdlets_that_exist_and_nothing_else()
    {
        PSModuleInfo module = (PSModuleInfo)shell.Run("Import-Module $module -PassThru").Succeeded().Output.Single().BaseObject;

        Assert.Equal(Cmdlets.Names.Order(), module.ExportedCmdlets.Keys.Order());
        Assert.Empty(module.ExportedFunctions);
        Assert.Empty(module.ExportedAliases);
        Assert.Empty(module.ExportedVariables);
    }

    [Theory]
    [InlineData("Import-Module $module; Import-Module $module")]
    [InlineData("Import-Module $module; Import-Module $module -Force")]
    [InlineData("Import-Module $module -Force; Import-Module $module -Force; Import-Module $module -Force")]
    [InlineData("Import-Module $module; Remove-Module Lora; Import-Module $module")]
    public void Importing_again_leaves_the_same_commands(string script)
    {
        ShellResult result = shell.Run(script + "; Get-Command -Module Lora | ForEach-Object Name").Succeeded();

        Assert.Equal(Cmdlets.Names.Order(), result.Texts.Order());
    }

    [Fact]
    public void A_second_runspace_keeps_working_when_the_first_one_removes_the_module()
    {
        using HostedShell second = new();
        shell.Run("Import-Module $module; Remove-Module Lora").Succeeded();

        Assert.Equal(Cmdlets.Names.Order(), second.Run("Get-Command -Module Lora | ForEach-Object Name").Succeeded().Texts.Order());
    }

    [Fact]
    public void However_often_it_is_imported_there_is_one_load_context()
    {
        using HostedShell second = new();
        shell.Run("Import-Module $module; Import-Module $module -Force; Remove-Module Lora; Import-Module $module").Succeeded();

        Assert.Single(AssemblyLoadContext.All, context => context.Name == "Lora");
    }

    [Fact]
    public void The_engine_s_types_can_be_written_before_any_cmdlet_has_run() =>
        Assert.Equal(["Linear"], shell.Run("Import-Module $module; [Lora.LoraModuleKind]::Linear").Succeeded().Texts);

    [Fact]
    public void Importing_changes_no_preference_location_or_environment()
    {
        const string Snapshot = """
            $ErrorActionPreference, $WarningPreference, $VerbosePreference, $ProgressPreference, $PSNativeCommandUseErrorActionPreference,
            $PWD.Path, [System.Environment]::CurrentDirectory, [System.Globalization.CultureInfo]::CurrentCulture.Name
            [System.Environment]::GetEnvironmentVariables().GetEnumerator() | ForEach-Object { "$($_.Key)=$($_.Value)" }
            """;
        string[] before = [.. shell.Run(Snapshot).Texts];

        shell.Run("Import-Module $module").Succeeded();

        Assert.Equal(before.Order(), shell.Run(Snapshot).Texts.Order());
    }

    /// <summary>What is here costs time at every import: what a command alone needs is loaded when it runs.</summary>
    [Fact]
    public void It_loads_these_assemblies_and_no_others()
    {
        const string Loaded = "[System.AppDomain]::CurrentDomain.GetAssemblies() | ForEach-Object { $_.GetName().Name }";
        ShellProcess.Outcome outcome = ShellProcess.Command($"$before = {Loaded}; Import-Module $module; {Loaded} | Where-Object {{ $_ -notin $before }}");

        Assert.Equal("", outcome.Error);
        Assert.Equal(["Lora", "Lora.Engine"], outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Neither_importing_nor_completing_nor_listing_loads_TorchSharp_or_libtorch()
    {
        using ModelFolder models = new();
        ShellProcess.Outcome outcome = ShellProcess.Command($$"""
            Import-Module $module
            $null = Get-LoraModule '{{models.Add("tiny")}}' -Include lm_*
            foreach ($line in 'Get-Lora', 'Get-LoraModule -', 'Get-LoraModule -Path ', 'Get-LoraModule . -Include ') {
                $null = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)
            }

            [System.AppDomain]::CurrentDomain.GetAssemblies() | ForEach-Object { $_.GetName().Name }
            [System.Diagnostics.Process]::GetCurrentProcess().Modules | ForEach-Object ModuleName
            """);
        string[] loaded = outcome.Output.Split('\n');

        Assert.Equal("", outcome.Error);
        Assert.Contains("Lora.Engine", loaded);
        Assert.DoesNotContain(loaded, name => name.Contains("torch", StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain(loaded, name => name.StartsWith("NuGet", StringComparison.OrdinalIgnoreCase));
    }
}
