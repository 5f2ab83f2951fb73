namespace Lora.Checkpoints;

/// <summary>A tensor in memory: what <see cref="SafetensorsWriter"/> writes and <see cref="SafetensorsFile"/> reads.</summary>
/// <param name="Name">The name in the file, exact.</param>
/// <param name="DataType">The number format of the bytes.</param>
/// <param name="Shape">The shape, row-major; empty for a scalar.</param>
/// <param name="Bytes">The values, little-endian, as many bytes as type and shape ask for.</param>
public sealed record TensorData(string Name, TensorDataType DataType, long[] Shape, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>How many bytes the values take.</summary>
    public int ByteCount => Bytes.Length;

    internal ReadOnlyMemory<byte> Bytes { get; init; } = Bytes;

    /// <summary>The values, little-endian. No property, so that what writes an object's properties as text leaves them alone.</summary>
    public ReadOnlyMemory<byte> AsMemory() => Bytes;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {DataType.ToName()} [{string.Join(", ", Shape)}]";
}
