namespace Lora;

/// <summary>What a GGUF file's values are stored in.</summary>
public enum LoraTensorType
{
    /// <summary>IEEE single precision.</summary>
    F32,

    /// <summary>IEEE half precision; norms and other vectors in single precision.</summary>
    F16,

    /// <summary>The upper half of a single-precision number; norms and other vectors in single precision.</summary>
    BF16,

    /// <summary>8.5 bits a value: blocks of 32 with a scale.</summary>
    Q8_0,

    /// <summary>4.5 bits a value: blocks of 32 with a scale.</summary>
    Q4_0,
}
