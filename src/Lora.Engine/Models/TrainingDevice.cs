using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The device and dtype that a run uses, out of what the user wrote.</summary>
internal static class TrainingDevice
{
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
        _ => device.type == DeviceType.CUDA ? ScalarType.BFloat16 : ScalarType.Float32,
    };

    private static int? CudaIndex(string name) =>
        name == "cuda" ? 0
        : name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name["cuda:".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int index) ? index
        : null;
}
