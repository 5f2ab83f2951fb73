namespace Lora;

/// <summary>Which build of libtorch computes.</summary>
public enum LoraBackend
{
    /// <summary>The processor's, of some hundred megabytes.</summary>
    Cpu,

    /// <summary>The one for NVIDIA's GPUs, of some gigabytes. It computes on the processor too.</summary>
    Cuda,
}
