namespace Lora;

/// <summary>The dtype that the frozen base weights are held and multiplied in.</summary>
public enum TrainingDataType
{
    /// <summary>float32 on a CPU, bfloat16 on a GPU, float16 on one that does not compute in bfloat16.</summary>
    Auto,

    /// <summary>float32.</summary>
    Float32,

    /// <summary>bfloat16.</summary>
    BFloat16,

    /// <summary>float16, with a loss that is scaled so that gradients stay within its range.</summary>
    Float16,
}
