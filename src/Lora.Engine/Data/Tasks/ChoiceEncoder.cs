using Lora.Text;

namespace Lora.Data;

/// <summary>
/// Encodes questions with choices as lm-evaluation-harness does (<c>LM._encode_pair</c>): question and choice are one text, a space between them, and
/// the choice's tokens are those of the whole after as many as the question alone has, without white space at its end. The end of the sequence is none of them.
/// </summary>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="chat">Writes questions as messages of the user; null for text as it stands.</param>
/// <param name="allowsSpecial">Whether special tokens that messages spell become tokens.</param>
internal sealed class ChoiceEncoder(Tokenizer tokenizer, Lazy<ChatEncoder>? chat, bool allowsSpecial)
{
    private readonly RowEncoder encoder = new(tokenizer, int.MaxValue);

    /// <summary>The example of the right choice, with those of all.</summary>
    /// <exception cref="FormatException">The tokenizer writes nothing of a choice, or the chat template refuses the question.</exception>
    public EncodedRow Encode(ChoiceRow row, CancellationToken cancellation)
    {
        TrainingExample[] each = [.. row.Choices.Select((choice, number) => Labelled(row, number, chat is null ? Text(row.Question, choice, cancellation) : Answer(row.Question, choice, cancellation)))];
        RowNotes notes = chat is null && row.Choices.Prepend(row.Question).Any(text => tokenizer.FindSpecial(text) is not null) ? RowNotes.MeantToken : 0;

        // Python's len, by which acc_norm divides, counts code points.
        int[] lengths = [.. row.Choices.Select(choice => choice.EnumerateRunes().Count())];
        return new(each[row.Answer] with { Choices = new(each, lengths, row.Answer) }, IsWhole: true, notes);
    }

    private (int[] Ids, int Given) Text(string question, string choice, CancellationToken cancellation)
    {
        string between = char.IsWhiteSpace(question[^1]) || char.IsWhiteSpace(choice[0]) ? "" : " ";
        int given = encoder.EncodePrompt(question.TrimEnd(), cancellation).Length;
        return (encoder.EncodePrompt(question + between + choice, cancellation), given);
    }

    private (int[] Ids, int Given) Answer(string question, string choice, CancellationToken cancellation)
    {
        try
        {
            TextPiece asked = chat!.Value.WritePrompt(question, cancellation);
            List<int>[] pieces = tokenizer.Encode([asked.Text, choice], int.MaxValue, cancellation, [asked.Literal, allowsSpecial ? null : [0..choice.Length]]);
            return ([.. pieces[0], .. pieces[1]], pieces[0].Count);
        }
        catch (LoraException exception) when (ChatEncoder.IsRefusal(exception))
        {
            throw new FormatException(exception.Message.TrimEnd('.'), exception);
        }
    }

    private static TrainingExample Labelled(ChoiceRow row, int number, (int[] Ids, int Given) encoded)
    {
        (int[] ids, int given) = encoded;
        return ids.Length > Math.Max(1, given) ? new(ids, [.. Enumerable.Repeat(TrainingExample.Unsupervised, given), .. ids[given..]], row.Line)
            : throw new FormatException($"the tokenizer writes nothing of its choice {number}");
    }
}

/// <summary>The choices of a question, each after it.</summary>
/// <param name="Each">The question with each choice, whose tokens alone have labels.</param>
/// <param name="Lengths">The code points of each choice.</param>
/// <param name="Answer">The place of the right one.</param>
internal sealed record ExampleChoices(IReadOnlyList<TrainingExample> Each, IReadOnlyList<int> Lengths, int Answer);
