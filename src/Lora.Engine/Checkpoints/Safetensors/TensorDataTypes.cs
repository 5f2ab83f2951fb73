using System.Collections.Frozen;

namespace Lora.Checkpoints;

/// <summary>Names and widths of <see cref="TensorDataType"/>.</summary>
public static class TensorDataTypes
{
    private static readonly FrozenDictionary<TensorDataType, string> Names =
        Enum.GetValues<TensorDataType>().ToFrozenDictionary(type => type, NameOf);

    private static readonly FrozenDictionary<string, TensorDataType> Types =
        Names.ToFrozenDictionary(pair => pair.Value, pair => pair.Key, StringComparer.Ordinal);

    /// <summary>Every name of the format, narrow to wide, separated by commas.</summary>
    public static string Known { get; } = string.Join(", ", Enum.GetValues<TensorDataType>().Select(NameOf));

    /// <summary>The name in a file's header, for example <c>BF16</c> or <c>F8_E4M3</c>.</summary>
    public static string ToName(this TensorDataType type) => Names[type];

    /// <summary>Finds the type that a header names; names are exact.</summary>
    public static bool TryParse(string name, out TensorDataType type) => Types.TryGetValue(name, out type);

    /// <summary>The width of one value in bits; 4 and 6 are the formats narrower than a byte.</summary>
    public static int BitSize(this TensorDataType type) => type switch
    {
        TensorDataType.F4 => 4,
        TensorDataType.F6E2M3 or TensorDataType.F6E3M2 => 6,
        // The order of the types is that of their widths.
        < TensorDataType.I16 => 8,
        < TensorDataType.I32 => 16,
        < TensorDataType.C64 => 32,
        _ => 64,
    };

    /// <summary>The bytes that a tensor of this shape takes; null when they overflow 63 bits or end inside a byte.</summary>
    public static long? ByteSize(this TensorDataType type, ReadOnlySpan<long> shape)
    {
        if (shape.Contains(0))
        {
            return 0;
        }

        UInt128 bits = (UInt128)type.BitSize();
        foreach (long dimension in shape)
        {
            bits *= (ulong)dimension;
            if (bits > long.MaxValue)
            {
                return null;
            }
        }

        return bits % 8 == 0 ? (long)(bits / 8) : null;
    }

    private static string NameOf(TensorDataType type) => type switch
    {
        TensorDataType.F6E2M3 => "F6_E2M3",
        TensorDataType.F6E3M2 => "F6_E3M2",
        TensorDataType.F8E5M2 => "F8_E5M2",
        TensorDataType.F8E4M3 => "F8_E4M3",
        TensorDataType.F8E8M0 => "F8_E8M0",
        TensorDataType.F8E4M3Fnuz => "F8_E4M3FNUZ",
        TensorDataType.F8E5M2Fnuz => "F8_E5M2FNUZ",
        _ => type.ToString().ToUpperInvariant(),
    };
}
