using System.Diagnostics;
using System.Text.Json;

namespace Lora.Tests.Operators;

/// <summary>The command for the day a card is there, run where there is none: it says so, runs what a processor can, and writes its file.</summary>
public class GpuBenchTests
{
    [Fact]
    public async Task Without_a_card_bench_gpu_says_so_and_holds_what_a_processor_can_run()
    {
        Assert.SkipWhen(TorchSharp.torch.cuda.is_available(), "There is a card.");
        DirectoryInfo output = new(AppContext.BaseDirectory); // artifacts/bin/Lora.Engine.Tests/debug
        string program = Path.Combine(output.Parent!.Parent!.FullName, "Bench", output.Name, "Bench.dll");
        ProcessStartInfo start = new("dotnet", [program, "gpu"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OMP_NUM_THREADS"] = "1";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string text = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(process.ExitCode == 0, text + await errors);
        Assert.Contains("There is no NVIDIA card that libtorch can use", text, StringComparison.Ordinal);
        string path = text[(text.LastIndexOf("Written to ", StringComparison.Ordinal) + "Written to ".Length)..].Trim();
        using JsonDocument file = JsonDocument.Parse(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
        JsonElement[] findings = [.. file.RootElement.GetProperty("Findings").EnumerateArray()];
        Assert.Equal(["Operators", "Kernels against float64", "The step", "Memory", "Speed"], findings.Select(finding => finding.GetProperty("Part").GetString()).Distinct());
        Assert.True(findings.Count(finding => finding.GetProperty("Outcome").GetString() == "Held") >= 60, text);
        Assert.DoesNotContain(findings, finding => finding.GetProperty("Outcome").GetString() == "Missed");
        Assert.Equal(4, findings.Count(finding => finding.GetProperty("Part").GetString() == "Speed" && finding.GetProperty("Note").GetString() == "there is no card"));
    }
}
