using System.Text;

namespace Lora.Export;

/// <summary>
/// A chat template in the language of Ollama's Modelfile, Go's text/template, told from what the model's own template writes: the texts before and behind
/// the messages of each role. It holds for templates that write message after message; whether one does is found out by conversations that it was not told from.
/// </summary>
internal sealed class GoTemplate
{
    // Words that no template writes of itself and none of which is part of another.
    private static readonly string[] Marks = ["qv0zx", "qv1zx", "qv2zx", "qv3zx", "qv4zx", "qv5zx"];

    private readonly string opening;
    private readonly string? beforeSystem;
    private readonly string behindSystem = "";
    private readonly string beforeUser;
    private readonly string behindUser;
    private readonly string beforeAnswer;
    private readonly string behindAnswer;
    private readonly string beginning;

    private GoTemplate(Func<IReadOnlyList<ChatMessage>, string?> render)
    {
        // The first user's message with what begins an answer, and one that follows an answer.
        string[] two = Parts(render(Conversation("user", "assistant", "user")), 3);
        string[]? system = render(Conversation("system", "user")) is string text ? Parts(text, 2) : null;
        behindUser = CommonBeginning(two[1], two[3]);
        (beforeAnswer, beginning) = (two[1][behindUser.Length..], two[3][behindUser.Length..]);
        beforeUser = CommonEnd(two[2], two[0]);
        if (system is not null)
        {
            beforeUser = CommonEnd(beforeUser, system[1]);
            (beforeSystem, behindSystem) = (system[0], system[1][..^beforeUser.Length]);
        }

        opening = two[0][..^beforeUser.Length];
        behindAnswer = two[2][..^beforeUser.Length];
    }

    /// <summary>Whether it writes a system message.</summary>
    public bool HasSystem => beforeSystem is not null;

    /// <summary>Tells the template; null where it does not write message after message, or what it writes is no text of Go's.</summary>
    /// <param name="template">The model's own.</param>
    /// <param name="begin">What the tokenizer puts before a text, which the client does too; null for nothing.</param>
    public static GoTemplate? Of(ChatTemplate template, string? begin)
    {
        try
        {
            GoTemplate told = new(Render);
            string[][] others = told.HasSystem
                ? [["user"], ["system", "user", "assistant", "user", "assistant", "user"], ["user", "assistant", "user", "assistant", "user"]]
                : [["user"], ["user", "assistant", "user", "assistant", "user"]];
            return others.All(roles => Render(Conversation(roles)) == told.Render(Conversation(roles))) && told.IsText ? told : null;
        }
        catch (FormatException)
        {
            return null;
        }

        string? Render(IReadOnlyList<ChatMessage> messages)
        {
            try
            {
                string text = template.Render(messages, addGenerationPrompt: true).Text;
                return begin is { Length: > 0 } && text.StartsWith(begin, StringComparison.Ordinal) ? text[begin.Length..] : text;
            }
            catch (LoraException)
            {
                return null; // such as a template that refuses a system message
            }
        }
    }

    /// <summary>What the template writes; the same as Ollama makes of <see cref="ToString"/>.</summary>
    public string Render(IReadOnlyList<ChatMessage> messages)
    {
        StringBuilder text = new(messages[0].Role == "system" ? "" : opening);
        foreach (ChatMessage message in messages)
        {
            (string before, string behind) = message.Role switch
            {
                "system" => (beforeSystem ?? "", behindSystem),
                "user" => (beforeUser, behindUser),
                _ => (beforeAnswer, behindAnswer),
            };
            text.Append(before).Append(message.Content).Append(behind);
        }

        return text.Append(beginning).ToString();
    }

    /// <summary>The template as a Modelfile has it.</summary>
    public override string ToString()
    {
        StringBuilder text = new("{{ range $index, $message := .Messages }}");
        if (opening.Length > 0)
        {
            text.Append("{{ if and (eq $index 0) (ne $message.Role \"system\") }}").Append(opening).Append("{{ end }}");
        }

        if (HasSystem)
        {
            text.Append("{{ if eq $message.Role \"system\" }}").Append(beforeSystem).Append("{{ $message.Content }}").Append(behindSystem).Append("{{ end }}");
        }

        text.Append("{{ if eq $message.Role \"user\" }}").Append(beforeUser).Append("{{ $message.Content }}").Append(behindUser).Append("{{ end }}");
        text.Append("{{ if eq $message.Role \"assistant\" }}").Append(beforeAnswer).Append("{{ $message.Content }}").Append(behindAnswer).Append("{{ end }}");
        return text.Append("{{ end }}").Append(beginning).ToString();
    }

    private bool IsText => new[] { opening, beforeSystem ?? "", behindSystem, beforeUser, behindUser, beforeAnswer, behindAnswer, beginning }
        .All(part => !part.Contains("{{", StringComparison.Ordinal) && !part.Contains("\"\"\"", StringComparison.Ordinal) && !Marks.Any(mark => part.Contains(mark, StringComparison.Ordinal)));

    private static ChatMessage[] Conversation(params string[] roles) => [.. roles.Select((role, index) => new ChatMessage(role, Marks[index]))];

    /// <summary>What stands before, between and behind the messages, each of which is there once and in its place.</summary>
    private static string[] Parts(string? text, int messages)
    {
        List<string> parts = [];
        string rest = text ?? throw new FormatException("The template refuses a plain conversation.");
        for (int index = 0; index < messages; index++)
        {
            int at = rest.IndexOf(Marks[index], StringComparison.Ordinal);
            parts.Add(at < 0 ? throw new FormatException("A message is not in the text.") : rest[..at]);
            rest = rest[(at + Marks[index].Length)..];
        }

        return [.. parts, rest];
    }

    private static string CommonBeginning(string left, string right) => left[..left.AsSpan().CommonPrefixLength(right)];

    private static string CommonEnd(string left, string right)
    {
        int length = 0;
        while (length < Math.Min(left.Length, right.Length) && left[^(length + 1)] == right[^(length + 1)])
        {
            length++;
        }

        return left[^length..];
    }
}
