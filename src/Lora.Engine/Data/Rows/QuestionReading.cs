using System.Text.Json;

namespace Lora.Data;

/// <summary>Reads rows of what is asked and its answer, in columns of their own.</summary>
internal static class QuestionReading
{
    private const int SidesOfPair = 2;

    /// <summary>A conversation: the system column, the earlier turns, one message of the user and one of the assistant. Of a prompt that is messages nothing is learned.</summary>
    public static ChatRow Chat(int line, RowCells cells, DatasetFile file)
    {
        if (cells.Peek(ColumnMeaning.Text) is RowCell text)
        {
            file.Note($"has {RowReading.Quoted(text.Field.Name)} beside what is asked and its answer, which alone are read");
        }

        (List<Turn> asked, RowField answer) = (Asked(cells, file), Answer(cells));
        List<Turn> turns = [.. History(cells), .. asked, .. Said(ChatRoles.Assistant, answer, file)];
        if (cells.Take(ColumnMeaning.Reasoning) is RowCell reasoning && turns[^1].Role == ChatRoles.Assistant)
        {
            turns[^1].Reasoning = reasoning.Field.Text;
        }

        return ChatReading.Read(line, turns, cells, file);
    }

    /// <summary>A prompt and its completion as they stand.</summary>
    public static CompletionRow Completion(int line, RowCells cells)
    {
        string prompt = Join("\n\n", cells.Take(ColumnMeaning.Context), Question(cells));
        return new(line, prompt, Answer(cells).Text);
    }

    /// <summary>An instruction, with what it is about, and its answer in the prompt of Stanford Alpaca (Taori et al. 2023).</summary>
    public static CompletionRow Alpaca(int line, RowCells cells)
    {
        RowCell instruction = Required(cells);
        // Where the input is itself what is asked, it has been taken.
        RowCell? input = instruction.Key == RowColumns.Input ? null : cells.Take(ColumnMeaning.Input) ?? cells.Take(ColumnMeaning.Context);
        string about = input?.Field.Text ?? "";
        string prompt = about.Length == 0
            ? $"Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction.Field.Text}\n\n### Response:\n"
            : "Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request."
                + $"\n\n### Instruction:\n{instruction.Field.Text}\n\n### Input:\n{about}\n\n### Response:\n";
        return new(line, prompt, Answer(cells).Text);
    }

    /// <summary>What is asked: a message of the user, or the messages that the column has.</summary>
    public static List<Turn> Asked(RowCells cells, DatasetFile file)
    {
        if (cells.Peek(ColumnMeaning.Asked) is RowCell { Field.IsText: false })
        {
            RowField messages = Required(cells).Field;
            List<Turn> prompt = Said(ChatRoles.User, messages, file);
            foreach (Turn turn in prompt.Where(turn => turn.Role == ChatRoles.Assistant || turn.IsLearned == true))
            {
                turn.IsLearned = false;
            }

            return prompt;
        }

        RowCell? context = cells.Take(ColumnMeaning.Context);
        string question = Question(cells);
        if (context is RowCell { Field.IsEmpty: false } there)
        {
            file.Note($"has {RowReading.Quoted(there.Field.Name)}, which stands before what is asked, with a blank line between them");
        }

        return [new Turn(ChatRoles.User) { Content = Join("\n\n", context, question) }];
    }

    /// <summary>A text as a message of a role, or the messages themselves.</summary>
    private static List<Turn> Said(string role, RowField said, DatasetFile file)
    {
        if (said.IsText)
        {
            return [new Turn(role) { Content = said.Text }];
        }

        // Several answers to one question, ranked or not.
        return said.IsList && !said.IsMessages
            ? throw new FormatException($"{RowReading.Quoted(said.Name)} is a list and not of messages: give a row for each that is to be learned")
            : said.IsList ? MessageReading.Read(said.Json, said.Name, file) : throw new FormatException($"{RowReading.Quoted(said.Name)} is not a string, and not a list of messages");
    }

    /// <summary>The turns before it.</summary>
    public static List<Turn> History(RowCells cells)
    {
        List<Turn> turns = [];
        if (cells.Take(ColumnMeaning.History) is not RowCell history)
        {
            return turns;
        }

        foreach (JsonElement pair in history.Field.List("pairs of a question and its answer").EnumerateArray())
        {
            // As LLaMA-Factory's files have them: [["question", "answer"], ...].
            JsonElement[] sides = pair.ValueKind == JsonValueKind.Array ? [.. pair.EnumerateArray()] : [];
            if (sides.Length != SidesOfPair || sides.Any(side => side.ValueKind != JsonValueKind.String))
            {
                throw new FormatException($"{RowReading.Quoted(history.Field.Name)} is not a list of pairs, each of a question and its answer");
            }

            turns.Add(new Turn(ChatRoles.User) { Content = sides[0].GetString()! });
            turns.Add(new Turn(ChatRoles.Assistant) { Content = sides[1].GetString()! });
        }

        return turns;
    }

    /// <summary>What is asked; an instruction's input follows it on a line of its own.</summary>
    private static string Question(RowCells cells)
    {
        RowCell asked = Required(cells);
        return asked.Key == RowColumns.Instruction && cells.Take(ColumnMeaning.Input) is RowCell input
            ? Join("\n", asked, input.Field.Text)
            : asked.Field.Text;
    }

    private static RowCell Required(RowCells cells) =>
        cells.Take(ColumnMeaning.Asked) ?? cells.Take(ColumnMeaning.Input) ?? throw new FormatException(OtherRow.NoQuestion(cells));

    private static RowField Answer(RowCells cells) => cells.Take(ColumnMeaning.Answer)?.Field ?? throw new FormatException(OtherRow.NoQuestion(cells));

    private static string Join(string between, RowCell? first, string second)
    {
        string text = first?.Field.Text ?? "";
        return text.Length == 0 || second.Length == 0 ? text + second : text + between + second;
    }
}
