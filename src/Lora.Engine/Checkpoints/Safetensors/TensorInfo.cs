namespace Lora.Checkpoints;

/// <summary>Where a tensor lies in a checkpoint and what it looks like; its values are not read.</summary>
public sealed record TensorInfo
{
    /// <summary>The name in the file, exact.</summary>
    public required string Name { get; init; }

    /// <summary>The number format on disk.</summary>
    public required TensorDataType DataType { get; init; }

    /// <summary>The shape, row-major; empty for a scalar.</summary>
    public required long[] Shape { get; init; }

    /// <summary>The full path of the file that holds the tensor.</summary>
    public required string File { get; init; }

    /// <summary>The tensor's first byte, from the start of the file.</summary>
    public required long Offset { get; init; }

    /// <summary>The tensor's size in bytes.</summary>
    public required long Length { get; init; }

    /// <summary>The number of values.</summary>
    public long ElementCount => Shape.Contains(0) ? 0 : Shape.Aggregate(1L, (product, dimension) => product * dimension);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {DataType.ToName()} [{string.Join(", ", Shape)}]";
}
