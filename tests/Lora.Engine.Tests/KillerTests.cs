using System.Diagnostics;

namespace Lora.Tests;

/// <summary>
/// A process that dies at any moment leaves the adapter or the state that makes it, bit for bit. The program kills processes of its own; five
/// hundred take it half an hour by hand.
/// </summary>
public sealed class KillerTests
{
    private const int Kills = 20; // all named moments, and five at random

    [Fact]
    public async Task Runs_that_are_killed_and_gone_on_with_come_to_what_one_does_that_was_not()
    {
        ProcessStartInfo start = new("dotnet", [typeof(Tools.Killer.Campaign).Assembly.Location, $"{Kills}"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, output + await errors);
        Assert.Contains(", 0 faults", output, StringComparison.Ordinal);
    }
}
