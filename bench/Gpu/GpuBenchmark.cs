using System.Globalization;
using Lora.Kernels;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// All that has to be seen on a card once, in one command of less than five minutes: kernels, steps, memory and speed. Without a card the same code runs
/// on the processor, by the same operators where it has them, on what is small.
/// </summary>
internal static class GpuBenchmark
{
    public static void Run()
    {
        TorchLibrary.Load();
        bool isCard = cuda.is_available();
        Device device = isCard ? new Device(TorchSharp.DeviceType.CUDA, 0) : CPU;
        string card = Describe(device);
        Console.WriteLine(card);
        Findings findings = new();
        ShowNeeds(findings, device);
        KernelChecks.Run(findings, device);
        StepChecks.Run(findings, device);
        MemoryChecks.Run(findings, device);
        SpeedChecks.Run(findings, device);
        string path = Repository.Path("artifacts", "bench", isCard ? "gpu.json" : "gpu-without-card.json");
        findings.Write(path, device, card);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{(findings.IsHeld ? "All held" : "NOT all held")}, {findings.Elapsed.TotalSeconds:F0} s. Written to {path}"));
        Environment.ExitCode = findings.IsHeld ? 0 : 1;
    }

    /// <summary>What a run gets on a card; on a processor libtorch's operators too, and not the vector code.</summary>
    public static IKernels Kernels(Device device, ScalarType type) => device.type == TorchSharp.DeviceType.CUDA ? KernelSet.Of(device, type) : new TorchKernels();

    private static string Describe(Device device)
    {
        if (device.type != TorchSharp.DeviceType.CUDA)
        {
            return "There is no NVIDIA card that libtorch can use: what a processor can run is run on it.";
        }

        CardFacts facts = CardFacts.Of(device);
        string memory = NvidiaManagement.Memory(0) is (long used, long free) ? string.Create(CultureInfo.InvariantCulture, $"{(used + free) / 1e9:F1} GB, {free / 1e9:F1} GB free") : "memory unknown";
        return $"Compute capability {facts.Generation?.ToString() ?? "unknown"}, {memory}";
    }

    /// <summary>Which whole operators the device runs, and why not the others.</summary>
    private static void ShowNeeds(Findings findings, Device device)
    {
        findings.Begin("Operators");
        CardFacts facts = CardFacts.Of(device);
        foreach (OperatorNeeds needs in OperatorNeeds.All)
        {
            string? reason = needs.Reason(facts, new(ScalarType.BFloat16, HeadSize: 64, HasWindow: false));
            findings.Leave(needs.Name, reason ?? $"is used in bfloat16 ({needs.Source})");
        }
    }
}
