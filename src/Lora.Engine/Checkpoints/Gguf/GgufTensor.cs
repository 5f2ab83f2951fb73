namespace Lora.Checkpoints;

/// <summary>A tensor that a GGUF file holds.</summary>
/// <param name="Name">Its name, below 64 bytes.</param>
/// <param name="Type">The form of its values.</param>
/// <param name="Shape">Its shape, row-major as everywhere here; the file has the sizes the other way round.</param>
internal sealed record GgufTensor(string Name, GgufTensorType Type, long[] Shape)
{
    /// <summary>The most bytes that a name may have; the reference library's limit.</summary>
    public const int LongestName = 63;

    /// <summary>The most dimensions that a tensor may have.</summary>
    public const int MostDimensions = 4;

    /// <summary>Its first byte, from the start of the file; 0 for one that is yet to be written.</summary>
    public long Offset { get; init; }

    /// <summary>Its size in bytes.</summary>
    public long Length => Type.ByteSize(Shape) ?? throw new InvalidOperationException($"The tensor '{Name}' has no size: no whole blocks of {Type} in a row of the shape [{string.Join(", ", Shape)}].");

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Type} [{string.Join(", ", Shape)}]";
}
