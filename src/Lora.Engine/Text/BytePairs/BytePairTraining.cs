namespace Lora.Text;

/// <summary>What a new byte-level tokenizer shall be like.</summary>
public sealed record BytePairTraining
{
    /// <summary>The number of tokens: special tokens, 256 bytes and merges. Fewer come out when no pair occurs twice any more.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The token put before each encoded text.</summary>
    public string BeginToken { get; init; } = "<|begin|>";

    /// <summary>The token that ends a sequence.</summary>
    public string EndToken { get; init; } = "<|end|>";

    /// <summary>Further special tokens, for example those of a chat template.</summary>
    public IReadOnlyList<string> OtherTokens { get; init; } = [];

    /// <summary>All special tokens; their ids are their places.</summary>
    internal IReadOnlyList<string> SpecialTokens => [BeginToken, EndToken, .. OtherTokens];
}
