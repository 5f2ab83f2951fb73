using System.Text.Json;
using Lora.Text;

namespace Lora.Data;

/// <summary>
/// Encodes rows. A row is one text, cut into pieces where what is given and what is learned meet, and each piece is encoded as what it is: the
/// beginning of the text, or what goes on after the pieces before. So what is given has the ids that the model is given when it answers, and
/// what is learned the ids that it then says. They are those of the text as a whole, but where a token would reach across a border.
/// </summary>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="maxLength">Ids of a row that are kept.</param>
/// <param name="chat">What writes conversations, found when there is one; it throws where the model has no chat template.</param>
internal sealed class RowEncoder(Tokenizer tokenizer, int maxLength, Lazy<ChatEncoder>? chat = null)
{
    // Of longer texts only what is kept is encoded; the ids of shorter ones are counted.
    private const int LongText = 1 << 20;

    // Where a border of the text as a whole falls on one of the pieces', what follows is the same; so many ids after it show whether it does.
    private const int IdsAfterBorder = 16;

    /// <summary>The ids of a prompt that the model is to go on: with one begin token, also where the prompt spells it, and open at its end.</summary>
    public int[] EncodePrompt(string prompt, CancellationToken cancellation) => [.. Opened(tokenizer.Encode([prompt], int.MaxValue, cancellation)[0])];

    /// <summary>The ids of a prompt as the user's message, with what begins the answer to it.</summary>
    /// <exception cref="LoraException">The model has no chat template, or it refuses the prompt.</exception>
    public int[] EncodeChatPrompt(string prompt, CancellationToken cancellation) => Ids(Chat.WritePrompt(prompt, cancellation), cancellation);

    /// <summary>The ids of a conversation, with what begins the answer to it.</summary>
    /// <exception cref="LoraException">The model has no chat template, or it refuses the conversation.</exception>
    public int[] EncodeChatPrompt(IReadOnlyList<ChatMessage> messages, JsonElement? tools, CancellationToken cancellation) => Ids(Chat.WritePrompt(messages, tools, cancellation), cancellation);

    /// <summary>Encodes a row; null where there is nothing to learn.</summary>
    /// <exception cref="FormatException">The chat template cannot write it, or what is learned of it cannot be told: why.</exception>
    /// <exception cref="LoraException">The model has no chat template, or one that cannot be read.</exception>
    public EncodedRow? Encode(DatasetRow row, CancellationToken cancellation)
    {
        if (row is ChatRow conversation)
        {
            return Chat.Write(conversation, cancellation) is ChatText text ? Encode(text, row.Line, cancellation) : null;
        }

        TextPiece[] pieces = row switch
        {
            TextRow text => [new(text.Text, true)],
            CompletionRow pair => [new(pair.Prompt, false), new(pair.Completion, true)],
            _ => throw new ArgumentException($"{row.GetType().Name} is not encoded", nameof(row)),
        };
        return Encode([.. pieces.Where(piece => piece.Text.Length > 0)], row.Line, cancellation);
    }

    private int[] Ids(TextPiece piece, CancellationToken cancellation) => [.. tokenizer.Encode([piece.Text], int.MaxValue, cancellation, [piece.Literal])[0]];

    private ChatEncoder Chat => (chat ?? throw new InvalidOperationException("There is nothing to write conversations by.")).Value;

    /// <summary>Encodes a text; null where nothing of it is to be learned. After the last piece, if it is learned, the end of the sequence is.</summary>
    /// <param name="pieces">The text in pieces, none of them empty.</param>
    /// <param name="line">Where the row stands in its file.</param>
    /// <param name="cancellation">Checked for each word.</param>
    public EncodedRow? Encode(IReadOnlyList<TextPiece> pieces, int line, CancellationToken cancellation)
    {
        if (!pieces.Any(piece => piece.IsLearned))
        {
            return null;
        }

        string[] texts = [.. pieces.Select(piece => piece.Text)];
        int most = Most(texts);
        List<int>[] encoded = tokenizer.Encode(texts, most, cancellation);
        RowNotes notes = (texts.Length > 1 && IsCut(texts, encoded, cancellation) ? RowNotes.Cut : 0)
            | (texts.Any(text => tokenizer.FindSpecial(text) is not null) ? RowNotes.MeantToken : 0);
        encoded[0] = Opened(encoded[0]);
        if (pieces[^1].IsLearned)
        {
            encoded[^1].AddRange(Ending(encoded[^1]));
        }

        return Labelled(pieces, encoded, line, most, notes);
    }

    /// <summary>Encodes a conversation. Its template writes the tokens that begin a sequence and end a turn, and nothing is put before it, as where models answer.</summary>
    private EncodedRow Encode(ChatText text, int line, CancellationToken cancellation)
    {
        int most = Most(text.Pieces.Select(piece => piece.Text));
        List<int>[] encoded = tokenizer.Encode([.. text.Pieces.Select(piece => piece.Text)], most, cancellation, [.. text.Pieces.Select(piece => piece.Literal)]);
        if (text.IsOpen && tokenizer.EndOfSequenceId is int end)
        {
            encoded[^1].Add(end);
        }

        return Labelled(text.Pieces, encoded, line, most, text.Notes);
    }

    // One more than is kept: by it a text is known to be cut.
    private int Most(IEnumerable<string> texts) => texts.Sum(text => (long)text.Length) > LongText ? maxLength + 1 : int.MaxValue;

    private static EncodedRow Labelled(IReadOnlyList<TextPiece> pieces, List<int>[] encoded, int line, int most, RowNotes notes)
    {
        int[] ids = [.. encoded.SelectMany(piece => piece)];
        int[] labels = [.. encoded.Zip(pieces).SelectMany(pair => pair.First.Select(id => pair.Second.IsLearned ? id : TrainingExample.Unsupervised))];
        return new(new(ids, labels, line), IsWhole: ids.Length <= most, notes);
    }

    /// <summary>Puts the tokens that begin a sequence before a text, where it does not spell them.</summary>
    private List<int> Opened(List<int> text)
    {
        bool spellsBegin = tokenizer.OpeningIds is [.., int last] && text is [int first, ..] && first == last && first == tokenizer.BeginOfSequenceId;
        return [.. tokenizer.OpeningIds, .. spellsBegin ? text[1..] : text];
    }

    /// <summary>The tokens that close a text and the one that ends the sequence, where the text does not spell it.</summary>
    private IEnumerable<int> Ending(List<int> text)
    {
        int? end = tokenizer.EndOfSequenceId;
        IEnumerable<int> closing = tokenizer.ClosingIds.Where(id => id != end);
        return end is not int there ? closing : text.Count > 0 && text[^1] == there ? [] : [.. closing, there];
    }

    /// <summary>Whether the text as a whole has other ids than its pieces, as far as they are kept.</summary>
    private bool IsCut(string[] texts, List<int>[] pieces, CancellationToken cancellation)
    {
        int compared = Math.Min(maxLength, pieces[..^1].Sum(ids => ids.Count) + IdsAfterBorder);
        List<int> whole = tokenizer.Encode([string.Concat(texts)], compared, cancellation)[0];
        return !pieces.SelectMany(ids => ids).Take(compared).SequenceEqual(whole.Take(compared));
    }
}
