using System.Globalization;
using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>The checks in their order, as a process of <see cref="GpuBenchmark"/> runs them.</summary>
internal static class GpuChecks
{
    /// <summary>Runs those behind the ones that were done before.</summary>
    /// <param name="arguments">How many were, and the seconds that the others may take.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        TorchLibrary.Load();
        Device device = cuda.is_available() ? new(DeviceType.CUDA, 0) : CPU;
        Findings findings = new(
            device, int.Parse(arguments[0], CultureInfo.InvariantCulture), TimeSpan.FromSeconds(double.Parse(arguments[1], CultureInfo.InvariantCulture)), Console.Error);
        try
        {
            // What is wanted most stands first, for time may run out, and what takes all memory last but one.
            findings.Begin("The card", () => Describe(findings, device));
            findings.Begin("The step", () => StepChecks.Run(findings, device));
            findings.Begin("Speed", () => SpeedChecks.Run(findings, device));
            findings.Begin("Memory", () => MemoryChecks.Run(findings, device));
            findings.Begin("Kernels against float64", () => KernelChecks.Run(findings, device));
            findings.Begin("Families", () => FamilyChecks.Run(findings, device));
            findings.Begin("Forms", () => FormChecks.Run(findings, device));
            findings.Begin("A run", () => RunChecks.Run(findings));
            findings.Begin("Memory of evaluations", () => EvaluationChecks.Run(findings, device));
            findings.Begin("A lack of memory", () => ShortageChecks.Run(findings, device));
            findings.Begin("Speed in other forms", () => SpeedChecks.RunOthers(findings, device));
            return 0;
        }
        catch (AnotherProcessException)
        {
            return CheckProcess.Again;
        }
    }

    /// <summary>What a run gets on a card; on a processor libtorch's operators too, and not the vector code.</summary>
    public static IKernels Kernels(Device device, ScalarType type) => device.type == DeviceType.CUDA ? KernelSet.Of(device, type) : new TorchKernels();

    /// <summary>The dtypes that are worth a processor's time, or all three of a card.</summary>
    public static IEnumerable<ScalarType> Types(Device device) =>
        device.type == DeviceType.CUDA ? [ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16] : [ScalarType.Float32, ScalarType.BFloat16];

    /// <summary>What a run computes in where nobody says.</summary>
    public static ScalarType UsualType(Device device) => TrainingDevice.Type(TrainingDataType.Auto, device);

    /// <summary>Bytes of the device that anybody has, and those that nobody has; null where there is no card or its driver does not say.</summary>
    public static (long Used, long Free)? Memory(Device device) => device.type == DeviceType.CUDA ? NvidiaManagement.Memory(Math.Max(0, device.index)) : null;

    /// <summary>The card, and which whole operators it runs.</summary>
    private static void Describe(Findings findings, Device device)
    {
        findings.Try("device", () => findings.Tell("device", Name(device)));
        findings.Try("libtorch", () => findings.Tell("libtorch", $"{__version__} in {Path.GetDirectoryName(TorchLibrary.FindFile("torch_cpu"))}"));
        CardFacts facts = CardFacts.Of(device);
        foreach (OperatorNeeds needs in OperatorNeeds.All)
        {
            findings.Try(needs.Name, () => findings.Tell(
                needs.Name, needs.Reason(facts, new(ScalarType.BFloat16, HeadSize: 64, HasWindow: false)) ?? $"is used in bfloat16 ({needs.Source})"));
        }
    }

    private static string Name(Device device)
    {
        NvidiaInventory? driver = NvidiaInventory.Read();
        string cards = driver is null ? "" : $"driver {driver.Driver}: {string.Join(", ", driver.Cards.Select(card => card.Name))}";
        if (device.type != DeviceType.CUDA)
        {
            return "There is no NVIDIA card that libtorch can use: what a processor can run is run on it."
                + (driver is null ? "" : $" There is {cards}, and this libtorch is one for processors: build with -p:TorchBackend=cuda, or name the folder of another one in LORA_LIBTORCH.");
        }

        string memory = Memory(device) is (long used, long free) ? string.Create(CultureInfo.InvariantCulture, $"{(used + free) / 1e9:F1} GB, {free / 1e9:F1} GB free") : "memory unknown";
        return $"{device}, compute capability {CardFacts.Of(device).Generation?.ToString() ?? "unknown"}, {memory}; {cards}";
    }
}
