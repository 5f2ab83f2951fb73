using Lora.Text;

namespace Lora.Data;

/// <summary>
/// Encodes rows. A text is learned whole; of a prompt with completion the completion and the end of the sequence are. Prompt and completion
/// are encoded apart, so that no token reaches across the border and the border is where it is when the model answers a prompt.
/// </summary>
internal sealed class RowEncoder(Tokenizer tokenizer)
{
    /// <summary>The row's example, of any length; null where there is nothing to learn.</summary>
    public TrainingExample? Encode(DatasetRow row)
    {
        if (row.Text.Length == 0)
        {
            return null;
        }

        int[] given = row.Prompt is null ? [] : Opening(row.Prompt);
        int[] learned = row.Prompt is null ? Opening(row.Text) : tokenizer.Encode(row.Text, addSpecialTokens: false);
        if (tokenizer.EndOfSequenceId is int end && (learned.Length == 0 || learned[^1] != end))
        {
            learned = [.. learned, end];
        }

        return new([.. given, .. learned], [.. Enumerable.Repeat(TrainingExample.Unsupervised, given.Length), .. learned], row.Line);
    }

    /// <summary>The ids of a text that begins a sequence: with one begin token, also where the text spells it, and open at its end.</summary>
    private int[] Opening(string text)
    {
        int[] ids = tokenizer.Encode(text);
        if (ids.Length > 1 && ids[0] == tokenizer.BeginOfSequenceId && ids[1] == ids[0])
        {
            ids = ids[1..];
        }

        // Some tokenizers close every text; a prompt goes on, and a text is closed by the caller.
        return ids.Length > 0 && ids[^1] == tokenizer.EndOfSequenceId && !SpellsEnd(text) ? ids[..^1] : ids;
    }

    private bool SpellsEnd(string text) => tokenizer.Encode(text, addSpecialTokens: false) is [.., int last] && last == tokenizer.EndOfSequenceId;
}
