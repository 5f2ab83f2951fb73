namespace Lora;

/// <summary>How a model went on a prompt.</summary>
public sealed record LoraGeneration
{
    /// <summary>The prompt: a text, or the last message of a conversation.</summary>
    public required string Prompt { get; init; }

    /// <summary>The adapter that was on, by its name of <see cref="LoraGenerator.Adapters"/>; null for the base model.</summary>
    public string? Adapter { get; init; }

    /// <summary>The continuation, without the prompt, a stop text and what ends a text; with the space that it begins with.</summary>
    public required string Text { get; init; }

    /// <summary>The tokens that were said, those of a stop text with them and the ending one without.</summary>
    public required LoraList<int> Id { get; init; }

    /// <summary>Why it ended.</summary>
    public required GenerationStop StopReason { get; init; }

    /// <summary>Tokens of the prompt.</summary>
    public required int PromptToken { get; init; }

    /// <summary>How many of these were known from the text before and not computed again (<see cref="GenerationOptions.KeepText"/>).</summary>
    public int KnownToken { get; init; }

    /// <summary>Tokens said in a second, from the first one on; those of prompts beside it took their part of the time.</summary>
    public required double TokenPerSecond { get; init; }

    /// <summary>Tokens of the prompt read in a second, of those that were computed.</summary>
    public required double PromptTokenPerSecond { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Text;
}

/// <summary>Why a continuation ended.</summary>
public enum GenerationStop
{
    /// <summary>The model said a token that ends a text or a turn.</summary>
    EndToken,

    /// <summary>The model said one of <see cref="GenerationOptions.Stop"/>.</summary>
    StopText,

    /// <summary>It has <see cref="GenerationOptions.MaxToken"/> tokens.</summary>
    MaxToken,

    /// <summary>Prompt and continuation have as many tokens as the model was made for.</summary>
    ContextLength,
}

/// <summary>A token as it is said.</summary>
/// <param name="Prompt">Which of the prompts it goes on, counted from 0.</param>
/// <param name="Id">The token.</param>
/// <param name="Text">The text that there is by it and was not before: whole characters, and nothing that may yet be the beginning of a stop text; often empty.</param>
public sealed record LoraGenerationToken(int Prompt, int Id, string Text)
{
    /// <summary>A token of nothing, whose properties are given.</summary>
    public LoraGenerationToken()
        : this(0, 0, "")
    {
    }

    /// <summary>The adapter that was on, by its name; null for the base model.</summary>
    public string? Adapter { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Text;
}
