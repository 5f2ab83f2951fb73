namespace Lora.Commands.Tests.ModuleLoading;

public sealed class NativeLibraryTests : IDisposable
{
    private const string Load = "[Lora.Native.TorchLibrary]::Load()";

    private readonly string empty = Directory.CreateTempSubdirectory("lora-no-natives-").FullName;

    public void Dispose() => Directory.Delete(empty, recursive: true);

    [Fact]
    public void They_are_found_in_the_module_and_TorchSharp_says_nothing()
    {
        ShellProcess.Outcome outcome = ShellProcess.Command($"Import-Module $module; {Load}; {Load}; 'loaded'", ("LORA_LIBTORCH", null));

        Assert.Equal(new ShellProcess.Outcome(0, "loaded\n", ""), outcome);
    }

    [Fact]
    public void A_folder_without_them_is_an_error_that_names_it_and_can_be_mended_in_the_same_session()
    {
        ShellProcess.Outcome outcome = ShellProcess.Command(
            $$"""
            Import-Module $module
            try { {{Load}} } catch { $failure = $_.Exception.InnerException }
            $failure.Error
            $failure.Message
            $env:LORA_LIBTORCH = ''
            {{Load}}
            'loaded'
            """,
            ("LORA_LIBTORCH", empty));
        string[] lines = outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal("", outcome.Error);
        Assert.Equal("NativeLibraryNotFound", lines[0]);
        Assert.Contains(empty, lines[1], StringComparison.Ordinal);
        Assert.Contains("LibTorchSharp", lines[1], StringComparison.Ordinal);
        Assert.Matches("(linux|win|osx)-(x64|arm64)", lines[1]);
        Assert.Equal("loaded", lines[2]);
    }

    [Fact]
    public void A_damaged_library_is_the_same_error_with_the_loader_s_reason()
    {
        foreach (string file in Directory.GetFiles(Repository.Bin("deps")).Select(file => Path.GetFileName(file)!))
        {
            File.WriteAllText(Path.Combine(empty, file), "not a library");
        }

        ShellProcess.Outcome outcome = ShellProcess.Command(
            $"Import-Module $module; try {{ {Load} }} catch {{ $_.Exception.InnerException.Error; $_.Exception.InnerException.Message }}",
            ("LORA_LIBTORCH", empty));

        Assert.Equal("", outcome.Error);
        Assert.StartsWith("NativeLibraryNotFound\n", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("c10", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_without_its_dependencies_fails_by_name_and_leaves_the_session_alive()
    {
        Directory.CreateDirectory(Path.Combine(empty, "bin"));
        foreach (string file in new[] { "Lora.psd1", "Lora.psm1", "Lora.Format.ps1xml", "Lora.Types.ps1xml", "Lora.Types.psd1", "bin/Lora.dll", "bin/Lora.Engine.dll" })
        {
            File.Copy(Path.Combine(Repository.Root, file), Path.Combine(empty, file));
        }

        ShellProcess.Outcome outcome = ShellProcess.Command(
            $"Import-Module '{empty}/Lora.psd1'; try {{ {Load} }} catch {{ $_.Exception.InnerException.Error }}\n" +
            "try { Get-LoraModule . -Include x } catch { $_.FullyQualifiedErrorId }; 'alive'");

        Assert.Equal(
            new ShellProcess.Outcome(0, "NativeLibraryNotFound\nLoraModuleFileMissing,Lora.Commands.GetLoraModuleCommand\nalive\n", ""),
            outcome);
    }
}
