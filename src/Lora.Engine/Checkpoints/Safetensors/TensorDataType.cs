namespace Lora.Checkpoints;

/// <summary>
/// The number formats of the safetensors format. The order is the format's own alignment order, narrow to wide:
/// files hold their tensors from the last of these to the first.
/// </summary>
public enum TensorDataType
{
    /// <summary>BOOL: one byte, 0 or 1.</summary>
    Bool,

    /// <summary>F4: 4 bits, two values a byte (MXFP4).</summary>
    F4,

    /// <summary>F6_E2M3: 6 bits.</summary>
    F6E2M3,

    /// <summary>F6_E3M2: 6 bits.</summary>
    F6E3M2,

    /// <summary>U8: unsigned, 8 bits.</summary>
    U8,

    /// <summary>I8: signed, 8 bits.</summary>
    I8,

    /// <summary>F8_E5M2: 8 bits, 5 of exponent.</summary>
    F8E5M2,

    /// <summary>F8_E4M3: 8 bits, 4 of exponent.</summary>
    F8E4M3,

    /// <summary>F8_E8M0: 8 bits of exponent, the scale of an MX block.</summary>
    F8E8M0,

    /// <summary>F8_E4M3FNUZ: 8 bits, without negative zero and infinity.</summary>
    F8E4M3Fnuz,

    /// <summary>F8_E5M2FNUZ: 8 bits, without negative zero and infinity.</summary>
    F8E5M2Fnuz,

    /// <summary>I16: signed, 16 bits.</summary>
    I16,

    /// <summary>U16: unsigned, 16 bits.</summary>
    U16,

    /// <summary>F16: IEEE half precision.</summary>
    F16,

    /// <summary>BF16: the upper half of a single-precision number.</summary>
    BF16,

    /// <summary>I32: signed, 32 bits.</summary>
    I32,

    /// <summary>U32: unsigned, 32 bits.</summary>
    U32,

    /// <summary>F32: IEEE single precision.</summary>
    F32,

    /// <summary>C64: a complex number of two single-precision parts.</summary>
    C64,

    /// <summary>F64: IEEE double precision.</summary>
    F64,

    /// <summary>I64: signed, 64 bits.</summary>
    I64,

    /// <summary>U64: unsigned, 64 bits.</summary>
    U64,
}
