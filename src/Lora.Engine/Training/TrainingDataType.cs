namespace Lora;

/// <summary>The dtype that the frozen base weights are held and multiplied in.</summary>
public enum TrainingDataType
{
    /// <summary>float32 on a CPU, bfloat16 on a GPU.</summary>
    Auto,

    /// <summary>float32.</summary>
    Float32,

    /// <summary>bfloat16.</summary>
    BFloat16,
}
