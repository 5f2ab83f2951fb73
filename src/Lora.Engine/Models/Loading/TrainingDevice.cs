using System.Globalization;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The device and dtype that a run uses, out of what the user wrote.</summary>
internal static class TrainingDevice
{
    private const int FirstWithBrainFloat = 8;

    /// <summary>Finds the device of <c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    /// <exception cref="LoraException">DeviceUnavailable, with the reason.</exception>
    public static Device Find(string name)
    {
        string wanted = name.Trim().ToLowerInvariant();
        int? index = CudaIndex(wanted);
        if (wanted == "cpu" || (wanted == "auto" && !cuda.is_available()))
        {
            return CPU;
        }

        if (wanted != "auto" && index is null)
        {
            throw Unavailable("it is none of auto, cpu, cuda and cuda:N");
        }

        if (!cuda.is_available())
        {
            throw Unavailable("this build or this machine has no CUDA");
        }

        int count = cuda.device_count();
        return index is null || index < count ? device(DeviceType.CUDA, index ?? 0) : throw Unavailable($"this machine has {count} CUDA devices, counted from 0");

        LoraException Unavailable(string reason) => LoraException.Of(LoraError.DeviceUnavailable, name, name, reason);
    }

    /// <summary>The dtype of the base weights.</summary>
    public static ScalarType Type(TrainingDataType asked, Device device) => asked switch
    {
        TrainingDataType.Float32 => ScalarType.Float32,
        TrainingDataType.BFloat16 => ScalarType.BFloat16,
        TrainingDataType.Float16 => ScalarType.Float16,
        _ => device.type == DeviceType.CUDA ? FastestType(NvidiaManagement.ComputeCapability(Math.Max(0, device.index))) : ScalarType.Float32,
    };

    /// <summary>
    /// The 16-bit dtype of a GPU: bfloat16 from the Ampere generation on, which has it in hardware, float16 before. Where nothing is known it is
    /// bfloat16: on an older GPU that is slow and right.
    /// </summary>
    /// <param name="capability">NVIDIA's number of the generation; null when it is not known.</param>
    public static ScalarType FastestType((int Major, int Minor)? capability) => capability is { Major: < FirstWithBrainFloat } ? ScalarType.Float16 : ScalarType.BFloat16;

    private static int? CudaIndex(string name) =>
        name == "cuda" ? 0
        : name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name["cuda:".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int index) ? index
        : null;
}
