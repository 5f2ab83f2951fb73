namespace Lora.Commands;

/// <summary>A conversation that is typed: what was said so far, who answers, and the commands that change either.</summary>
/// <param name="model">Answers.</param>
/// <param name="terminal">Where it is typed and read.</param>
/// <param name="system">The system message; null for none.</param>
internal sealed class ChatLoop(IChatModel model, IChatTerminal terminal, string? system)
{
    private const string Base = "none";

    private static readonly string[] Help =
    [
        "/adapter         the last question again, without an adapter and with each",
        "/adapter NAME    that adapter answers from now on; 'none' for the model alone",
        "/system TEXT     the system message from now on; without a text none",
        "/reset           forgets what was said",
        "/help            this",
        "/exit            ends the chat; so does the end of the input",
        "Ctrl+C           ends an answer, and at the prompt the chat",
    ];

    private readonly List<ChatMessage> messages = [];
    private string? system = system;
    private string? speaker;
    private bool isChosen;

    /// <summary>Runs until it is left.</summary>
    public void Run()
    {
        terminal.WriteLine("/help lists what can be typed besides questions, /exit ends the chat.");
        while (terminal.Ask() is string line && !Is(line.TrimStart().Split(' ')[0], "/exit"))
        {
            Take(line.Trim());
        }
    }

    private void Take(string line)
    {
        (string command, string rest) = line.IndexOf(' ', StringComparison.Ordinal) is int space and > 0 ? (line[..space], line[space..].Trim()) : (line, "");
        switch (command.ToUpperInvariant())
        {
            case "":
                break;
            case "/HELP":
                Array.ForEach(Help, terminal.WriteLine);
                break;
            case "/RESET":
                messages.Clear();
                terminal.WriteLine("What was said is forgotten.");
                break;
            case "/SYSTEM":
                system = rest.Length == 0 ? null : rest;
                terminal.WriteLine(system is null ? "There is no system message." : "The system message is set.");
                break;
            case "/ADAPTER" when rest.Length > 0:
                Choose(rest);
                break;
            case "/ADAPTER":
                Compare();
                break;
            case ['/', ..]:
                terminal.WriteLine($"'{RowText.Plain(command)}' is not known; /help lists what is.");
                break;
            default:
                Ask(line);
                break;
        }
    }

    private void Ask(string question)
    {
        messages.Add(new("user", question));
        if (model.Answer(Conversation(), Speaker) is string answer)
        {
            messages.Add(new("assistant", answer));
        }
        else
        {
            messages.RemoveAt(messages.Count - 1); // it was refused, and that was said
        }
    }

    /// <summary>The last question again, by all; the conversation goes on as it was.</summary>
    private void Compare()
    {
        int last = messages.FindLastIndex(message => message.Role == "user");
        if (last < 0)
        {
            terminal.WriteLine("Nothing was asked yet.");
            return;
        }

        foreach (string? one in model.Adapters.Prepend(null))
        {
            terminal.WriteLine($"[{one ?? Base}]");
            model.Answer([.. Conversation().Take(last + (system is null ? 1 : 2))], one);
        }
    }

    private void Choose(string name)
    {
        string? found = model.Adapters.FirstOrDefault(adapter => Is(adapter, name));
        if (found is null && !Is(name, Base))
        {
            terminal.WriteLine($"There is no adapter '{RowText.Plain(name)}', but {string.Join(", ", model.Adapters.Append(Base))}.");
            return;
        }

        (speaker, isChosen) = (found, true);
        terminal.WriteLine(found is null ? "The model answers without an adapter." : $"The adapter '{found}' answers.");
    }

    /// <summary>Who was chosen; before that the first adapter, where there is one.</summary>
    private string? Speaker => isChosen ? speaker : model.Adapters is [string first, ..] ? first : null;

    private List<ChatMessage> Conversation() => system is null ? [.. messages] : [new("system", system), .. messages];

    private static bool Is(string line, string name) => line.Trim().Equals(name, StringComparison.OrdinalIgnoreCase);
}

/// <summary>Who answers in a chat.</summary>
internal interface IChatModel
{
    /// <summary>The names of the adapters.</summary>
    IReadOnlyList<string> Adapters { get; }

    /// <summary>Answers a conversation, and shows the answer as it is said.</summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="adapter">The adapter that is on; null for none.</param>
    /// <returns>The answer, as far as it was let; null where the conversation was refused, which was said.</returns>
    string? Answer(IReadOnlyList<ChatMessage> messages, string? adapter);
}

/// <summary>Where a chat is typed and read.</summary>
internal interface IChatTerminal
{
    /// <summary>A line that is typed; null at the end of the input.</summary>
    /// <exception cref="LoraException">ChatNotInteractive.</exception>
    string? Ask();

    /// <summary>Shows a line.</summary>
    void WriteLine(string text);
}
