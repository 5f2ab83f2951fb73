namespace Lora.Data;

/// <summary>How rows become examples.</summary>
public sealed record DatasetOptions
{
    /// <summary>The most tokens of an example where nobody says how many.</summary>
    public const int UsualLength = 1024;

    /// <summary>A token, and one that is learned after it.</summary>
    public const int ShortestLength = 2;

    /// <summary>The most tokens of an example where nobody says how many, for a model that was made for so many.</summary>
    public static int LengthFor(int? positions) => Math.Clamp(positions ?? int.MaxValue, ShortestLength, UsualLength);

    /// <summary>How rows are read, and what of them is learned.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>The most tokens that an example has; what a row has beyond them is cut off its end.</summary>
    public int MaxLength { get; init; } = UsualLength;

    /// <summary>What writes conversations; null for the template that lies beside the tokenizer, or that <see cref="Data"/> names.</summary>
    internal Lazy<ChatEncoder>? Chat { get; init; }

    /// <summary>The number of rows of the model's embedding, which ids are checked against; null leaves them unchecked.</summary>
    public int? VocabularySize { get; init; }

    /// <summary>The tokens that the model was made for (<c>max_position_embeddings</c>); null where that is not known.</summary>
    public int? Positions { get; init; }

    /// <summary>What is learned of the rows.</summary>
    internal LearnedTask Task { get; init; } = LearnedTask.CausalLM;

    /// <summary>The labels of a classification; null where the rows say.</summary>
    internal LabelSet? Labels { get; init; }

    /// <summary>What a dataset keeps in memory.</summary>
    internal DatasetLimits Limits { get; init; } = new();
}

/// <summary>What a dataset keeps in memory, in bytes.</summary>
internal sealed record DatasetLimits
{
    /// <summary>Rows, as JSON, that are encoded before training: a second or two of work, for which their reports come first and memory is planned exactly.</summary>
    public long EncodedAtOnce { get; init; } = 16 << 20;

    /// <summary>Examples that are kept from epoch to epoch: more than so many rows can become, and a small part of what a model takes.</summary>
    public long Kept { get; init; } = 256 << 20;

    /// <summary>Rows that are written down before they go to a file: what is encoded at once needs none.</summary>
    public int Spooled { get; init; } = 16 << 20;

    /// <summary>Where that file is made.</summary>
    public string TemporaryFolder { get; init; } = Path.GetTempPath();
}
