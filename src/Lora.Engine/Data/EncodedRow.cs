namespace Lora.Data;

/// <summary>A stretch of a row's text.</summary>
/// <param name="Text">The characters, at least one.</param>
/// <param name="IsLearned">Whether the model learns to say it; else it is given.</param>
/// <param name="Literal">Stretches of it, in order, that are characters and no special tokens, whatever they spell; null for none.</param>
internal sealed record TextPiece(string Text, bool IsLearned, IReadOnlyList<Range>? Literal = null);

/// <summary>An encoded row.</summary>
/// <param name="Example">Its tokens; of a very long row the first ones, and more than are kept.</param>
/// <param name="IsWhole">Whether the tokens are all.</param>
/// <param name="Notes">What befell it.</param>
internal sealed record EncodedRow(TrainingExample Example, bool IsWhole, RowNotes Notes);

/// <summary>What befell a row on its way into tokens, besides its length.</summary>
[Flags]
internal enum RowNotes
{
    /// <summary>A token of the whole text would reach across a border between what is given and what is learned.</summary>
    Cut = 1,

    /// <summary>A message of the assistant is empty, and so not learned.</summary>
    EmptyTurn = 2,

    /// <summary>The template writes nothing of some reasoning.</summary>
    UnwrittenReasoning = 4,

    /// <summary>The template writes nothing of a message.</summary>
    UnwrittenMessage = 8,

    /// <summary>A message spells a special token, which is characters there.</summary>
    SpelledToken = 16,

    /// <summary>A text, a prompt or a completion spells a special token, which is meant.</summary>
    MeantToken = 32,

    /// <summary>The tokenizer writes nothing of a word, whose tag is not learned.</summary>
    LostWord = 64,
}
