using System.Diagnostics;

namespace Lora.Tests.Text;

/// <summary>A machine without ICU, as slim containers are.</summary>
public class InvariantGlobalizationTests
{
    [Fact]
    public void Ids_offsets_and_texts_are_the_same_without_ICU()
    {
        string[] classes = [typeof(TokenizerTests).FullName!, typeof(TokenizerSpanTests).FullName!, typeof(NormalizerTests).FullName!];
        ProcessStartInfo start = new("dotnet", [typeof(InvariantGlobalizationTests).Assembly.Location, "--filter-class", .. classes, "--progress", "off"])
        {
            RedirectStandardOutput = true,
            Environment = { ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1" },
        };
        using Process child = Process.Start(start)!;
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        Assert.True(child.ExitCode == 0, output);
        Assert.DoesNotContain("total: 0", output, StringComparison.Ordinal);
    }
}
