using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Lora.Tests;

/// <summary>Runs the example program as its reader does.</summary>
public partial class AttachToOwnModelTests
{
    [Fact]
    public async Task The_example_trains_takes_off_and_merges_an_adapter_of_its_own_model()
    {
        using TemporaryFolder folder = new();
        DirectoryInfo output = new(AppContext.BaseDirectory); // artifacts/bin/Lora.Engine.Tests/debug
        string program = Path.Combine(output.Parent!.Parent!.FullName, "AttachToOwnModel", output.Name, "AttachToOwnModel.dll");
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [program, folder.Path]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string text = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(process.ExitCode == 0, await errors);
        double[] losses = [.. Loss().Matches(text).Select(match => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))];
        Assert.Equal(4, losses.Length);
        Assert.True(losses[1] < 0.1 * losses[0], text);
        Assert.Equal(losses[0], losses[2]);
        Assert.Equal(losses[1], losses[3], 1e-3);
        Assert.True(File.Exists(folder.File("adapter_model.safetensors")));
    }

    [GeneratedRegex(@": +([0-9.]+)\r?$", RegexOptions.Multiline)]
    private static partial Regex Loss();
}
