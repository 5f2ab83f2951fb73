using System.Reflection;
using System.Reflection.Emit;
using Lora.Commands.Tests.Commands;

namespace Lora.Commands.Tests.ModuleLoading;

/// <summary>Other modules bring their own versions of what this one depends on.</summary>
public sealed class IsolationTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lora-isolation-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void An_older_TorchSharp_that_the_session_has_loaded_is_left_alone_and_not_used()
    {
        ShellProcess.Outcome outcome = ShellProcess.Command($$"""
            $null = [System.Reflection.Assembly]::LoadFrom('{{OldVersion("TorchSharp")}}')
            Import-Module $module
            [Lora.Native.TorchLibrary]::Load()
            [System.AppDomain]::CurrentDomain.GetAssemblies() | ForEach-Object { if ($_.GetName().Name -eq 'TorchSharp') { "$($_.GetName().Version)" } }
            """);

        Assert.Equal("", outcome.Error);
        Assert.Equal(["0.0.1.0", "0.107.0.0"], outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_older_FileSystemGlobbing_that_the_session_has_loaded_is_left_alone_and_not_used()
    {
        using ModelFolder models = new();
        ShellProcess.Outcome outcome = ShellProcess.Command($$"""
            $old = [System.Reflection.Assembly]::LoadFrom('{{OldVersion("Microsoft.Extensions.FileSystemGlobbing")}}')
            Import-Module $module
            Get-LoraModule '{{models.Add("tiny")}}' -Include lm_* | ForEach-Object Name
            "$($old.GetName().Version)"
            [System.Runtime.Loader.AssemblyLoadContext]::All | ForEach-Object {
                if ($_.Name -eq 'Lora') { $_.Assemblies | ForEach-Object { $_.GetName().Name } }
            }
            """);

        Assert.Equal(new ShellProcess.Outcome(0, "lm_head\n0.0.1.0\nMicrosoft.Extensions.FileSystemGlobbing\n", ""), outcome);
    }

    private string OldVersion(string name)
    {
        string path = Path.Combine(folder, name + ".dll");
        PersistedAssemblyBuilder assembly = new(new AssemblyName(name) { Version = new Version(0, 0, 1, 0) }, typeof(object).Assembly);
        assembly.DefineDynamicModule(name);
        assembly.Save(path);
        return path;
    }
}
