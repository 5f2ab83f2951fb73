namespace Lora.Checkpoints;

/// <summary>The forms of a GGUF file's tensors that are read and written, by the format's numbers.</summary>
internal enum GgufTensorType
{
    /// <summary>IEEE single precision.</summary>
    F32 = 0,

    /// <summary>IEEE half precision.</summary>
    F16 = 1,

    /// <summary>Blocks of 32 values of 4 bits with one F16 scale.</summary>
    Q4_0 = 2,

    /// <summary>Blocks of 32 values of 8 bits with one F16 scale.</summary>
    Q8_0 = 8,

    /// <summary>Blocks of 256 values of 6 bits, 16 scales of 8 bits and one F16 scale.</summary>
    Q6_K = 14,

    /// <summary>The upper half of a single-precision number.</summary>
    BF16 = 30,
}

/// <summary>Sizes of <see cref="GgufTensorType"/>.</summary>
internal static class GgufTensorTypes
{
    /// <summary>The types by name, for messages.</summary>
    public static string Known { get; } = string.Join(", ", Enum.GetValues<GgufTensorType>());

    /// <summary>How many values of a row one block holds, and the bytes of a block.</summary>
    public static (int Values, int Bytes) Block(this GgufTensorType type) => type switch
    {
        GgufTensorType.F32 => (1, sizeof(float)),
        GgufTensorType.F16 or GgufTensorType.BF16 => (1, sizeof(ushort)),
        GgufTensorType.Q4_0 => (32, sizeof(ushort) + 16),
        GgufTensorType.Q8_0 => (32, sizeof(ushort) + 32),
        GgufTensorType.Q6_K => (256, 128 + 64 + 16 + sizeof(ushort)),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "The type has no size."),
    };

    /// <summary>The bytes of a tensor; null when a row is no whole number of blocks or they overflow 63 bits.</summary>
    /// <param name="type">The type.</param>
    /// <param name="shape">The shape, row-major.</param>
    public static long? ByteSize(this GgufTensorType type, ReadOnlySpan<long> shape)
    {
        (int values, int bytes) = type.Block();
        if ((shape.IsEmpty ? 1 : shape[^1]) % values != 0)
        {
            return null;
        }

        if (shape.Contains(0))
        {
            return 0;
        }

        // Below 63 bits before each product, so that one more size cannot overflow 128.
        UInt128 size = (UInt128)bytes;
        foreach (long dimension in shape)
        {
            size *= (ulong)dimension;
            if (size > long.MaxValue)
            {
                return null;
            }
        }

        return (long)(size / (UInt128)values);
    }
}
