using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>Chooses the kernels of a device and a dtype.</summary>
internal static class KernelSet
{
    /// <summary>Vector code for float32 and bfloat16 on a CPU, libtorch's operators for everything else.</summary>
    public static IKernels Of(Device device, ScalarType type) => (device.type, type) switch
    {
        (DeviceType.CPU, ScalarType.Float32) when Vector512.IsHardwareAccelerated => new CpuKernels<Lanes512, SingleElement>(),
        (DeviceType.CPU, ScalarType.BFloat16) when Vector512.IsHardwareAccelerated => new CpuKernels<Lanes512, BrainElement>(),
        (DeviceType.CPU, ScalarType.Float32) when Vector256.IsHardwareAccelerated => new CpuKernels<Lanes256, SingleElement>(),
        (DeviceType.CPU, ScalarType.BFloat16) when Vector256.IsHardwareAccelerated => new CpuKernels<Lanes256, BrainElement>(),
        // float16 and float64 on a CPU too: no vector code is worth having for what is rare there.
        _ => new TorchKernels(),
    };
}
