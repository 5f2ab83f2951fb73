using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Lora.Native;

namespace Lora.Tests;

/// <summary>The README's program, built and run as its reader does it: in a folder of its own, with nothing set.</summary>
public sealed partial class ConsoleProgramTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>As it stands, and with what the package TorchSharp-cpu comes to on one platform: two copies of libtorch in one process would end it.</summary>
    [Fact]
    public async Task It_trains_an_adapter_and_uses_it_and_a_libtorch_of_its_own_beside_it_does_no_harm()
    {
        await MakeProgram();
        AssertTrained(await Run(Arguments()));
        Assert.True(File.Exists(folder.File("adapter/adapter_model.safetensors")));
        Assert.InRange(Directory.GetFiles(folder.File("bin"), "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length), 0, 20_000_000); // no copy of libtorch

        XDocument versions = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props"));
        string[] packages = ["TorchSharp", $"libtorch-cpu-{NativePlatform.Identifier}"];
        XElement references = new("ItemGroup", packages.Select(package => new XElement(
            "PackageReference",
            new XAttribute("Include", package),
            new XAttribute("Version", versions.Descendants("PackageVersion").Single(element => (string?)element.Attribute("Include") == package).Attribute("Version")!.Value))));
        string project = Directory.GetFiles(folder.Path, "*.csproj").Single();
        XDocument edited = XDocument.Load(project);
        edited.Root!.Add(references, new XElement("PropertyGroup", new XElement("CreateHardLinksForCopyLocalIfPossible", true)));
        edited.Save(project);

        AssertTrained(await Run(Arguments()));
        Assert.NotEmpty(Directory.GetFiles(folder.File("bin"), NativePlatform.FileName(NativeFolder.Torch), SearchOption.AllDirectories));
    }

    private static void AssertTrained(string output)
    {
        double[] losses = [.. Number().Matches(output).Select(match => double.Parse(match.Value, CultureInfo.InvariantCulture))];
        Assert.True(losses.Length == 2 && losses[1] < losses[0] - 0.5, output);
        Assert.EndsWith(" x 512", output, StringComparison.Ordinal); // the vocabulary of the examples' model
    }

    private async Task MakeProgram()
    {
        await Run("new", "console", "--no-restore");
        await Run("add", "reference", Path.Combine(Repository.Root, "src", "Lora.Engine", "Lora.Engine.csproj"));
        string readme = (await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"), TestContext.Current.CancellationToken)).ReplaceLineEndings("\n");
        folder.Write("Program.cs", Program().Match(readme).Groups[1].Value);
    }

    // The engine is there, as these tests were built against it: it is not built again while others use it.
    private static string[] Arguments() =>
    [
        "run", "--configuration", new DirectoryInfo(AppContext.BaseDirectory).Name, "-p:BuildProjectReferences=false", "--",
        Path.Combine(Repository.Root, "examples", "model"), Path.Combine(Repository.Root, "examples", "data", "animal-notes.train.jsonl"),
    ];

    private async Task<string> Run(params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", arguments) { WorkingDirectory = folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1"; // losses with a point
        start.Environment.Remove(NativeFolder.Variable);
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, output + await errors);
        return output.Trim();
    }

    [GeneratedRegex("```csharp\n(using Lora;.*?)```", RegexOptions.Singleline)]
    private static partial Regex Program();

    [GeneratedRegex(@"\d+\.\d{3}")]
    private static partial Regex Number();
}
