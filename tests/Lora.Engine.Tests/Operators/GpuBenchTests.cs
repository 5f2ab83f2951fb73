using System.Diagnostics;
using System.Text.Json;
using Lora.Bench;

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
        string path = text[(text.LastIndexOf("Written to ", StringComparison.Ordinal) + "Written to ".Length)..].Split('\n')[0].Trim();
        using JsonDocument file = JsonDocument.Parse(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
        File.Delete(path);
        Assert.True(file.RootElement.GetProperty("IsComplete").GetBoolean());
        Finding[] findings = file.RootElement.GetProperty("Findings").Deserialize<Finding[]>(Finding.Json)!;
        Assert.Equal(
            ["The card", "The step", "Speed", "Memory", "Kernels against float64", "Families", "Forms", "A run", "Memory of evaluations", "A lack of memory", "Speed in other forms"],
            findings.Select(finding => finding.Part).Distinct());
        Assert.True(findings.Count(finding => finding.Outcome == Outcome.Held) >= 200, text);
        Assert.DoesNotContain(findings, finding => finding.Outcome == Outcome.Missed);

        // Four shapes in three forms are for cards alone.
        Assert.Equal(12, findings.Count(finding => finding.Part.StartsWith("Speed", StringComparison.Ordinal) && finding.Outcome == Outcome.Left && finding.Note.StartsWith("there is no card", StringComparison.Ordinal)));

        // What the fused step serves is looked at, and what it does not too.
        Assert.Contains(findings, finding => finding is { Part: "Families", What: "gemma2, fused, BFloat16, gradients" });
        Assert.Contains(findings, finding => finding is { Part: "Families", What: "gpt_oss, autograd, Float32, gradients" });
    }
}
