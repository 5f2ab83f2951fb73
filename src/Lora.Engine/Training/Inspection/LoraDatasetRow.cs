namespace Lora;

/// <summary>A row of a dataset as a model learns from it: its text in tokens, which of them are learned, and what is wrong with it.</summary>
public sealed record LoraDatasetRow
{
    /// <summary>Where the row stands in its file, from 1: the line on which it begins, or its number where lines mean nothing.</summary>
    public int Row { get; init; }

    /// <summary>The file.</summary>
    public string File { get; init; } = "";

    /// <summary>How the row was read; null where it could not be.</summary>
    public DatasetFormat? Format { get; init; }

    /// <summary>What the tokens write, special tokens spelled; empty where the row could not be encoded.</summary>
    public string Text { get; init; } = "";

    /// <summary>The token ids that are trained on; those beyond the longest row are cut off.</summary>
    public int[] Id { get; init; } = [];

    /// <summary>What each of <see cref="Id"/> writes by itself; a part of a character as its bytes, <c>&lt;0xE2&gt;</c>.</summary>
    public string[] Token { get; init; } = [];

    /// <summary>The stretches of <see cref="Id"/> that are learned, in their order.</summary>
    public LoraSupervisedRange[] Supervised { get; init; } = [];

    /// <summary>The tokens of the row before anything is cut off.</summary>
    public int TokenCount { get; init; }

    /// <summary>The tokens that are learned.</summary>
    public int SupervisedCount { get; init; }

    /// <summary>The names of the row's labels or tags, its numbers, or the completion that a decoder says beside a prompt; empty where tokens of the text are learned alone.</summary>
    public string[] Label { get; init; } = [];

    /// <summary>The choices of a question, in their order; empty for all other rows.</summary>
    public string[] Choice { get; init; } = [];

    /// <summary>Whether the row was longer than a row may be.</summary>
    public bool Truncated { get; init; }

    /// <summary>What is wrong with the row, in sentences: why it is refused or left out, that it is cut, or stands elsewhere too; null for nothing.</summary>
    public string? Problem { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{File}:{Row}: {Problem ?? $"{SupervisedCount} of {TokenCount} tokens are learned"}";
}

/// <summary>A stretch of tokens that are learned.</summary>
public sealed record LoraSupervisedRange
{
    /// <summary>The first of them, by its place in the row, from 0.</summary>
    public int First { get; init; }

    /// <summary>The last of them.</summary>
    public int Last { get; init; }

    /// <summary>Where what they write begins in the row's text, in UTF-16 characters.</summary>
    public int Start { get; init; }

    /// <summary>What they write.</summary>
    public string Text { get; init; } = "";

    /// <inheritdoc/>
    public override string ToString() => $"{First}..{Last}";
}
