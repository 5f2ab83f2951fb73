namespace Lora.Data;

/// <summary>How rows become examples.</summary>
public sealed record DatasetOptions
{
    /// <summary>The most tokens that an example has; what a row has beyond them is cut off its end.</summary>
    public int MaxLength { get; init; } = 1024;

    /// <summary>The number of rows of the model's embedding, which ids are checked against; null leaves them unchecked.</summary>
    public int? VocabularySize { get; init; }
}
