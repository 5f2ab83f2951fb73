using System.Management.Automation;
using System.Management.Automation.Host;
using System.Text;

namespace Lora.Commands;

/// <summary>
/// Makes running text of tokens on a terminal. The shell shows each object on a line of its own; a token's view therefore goes up to the line before it and
/// writes that line again, longer by the token. Lines are broken at words, short of the terminal's width.
/// </summary>
/// <param name="terminal">Says how wide it is and text too.</param>
internal sealed class RunningText(PSHostRawUserInterface terminal)
{
    /// <summary>The property that a token's view shows.</summary>
    public const string Property = "Running";

    private const string Up = "\e[1A\e[K"; // a line up, and nothing on it
    private const int Narrowest = 20;

    // Beyond the escape sequences, which the shell counts as text.
    private const int Margin = 10;

    private readonly int width = Math.Max(Narrowest, terminal.WindowSize.Width - Margin);
    private string line = "";
    private string? heading;
    private bool isOpen;

    /// <summary>Begins another text.</summary>
    /// <param name="title">What stands above it; null for nothing.</param>
    public void Begin(string? title)
    {
        heading = title;
        line = "";
        isOpen = false;
    }

    /// <summary>A token that is shown as what runs on by it.</summary>
    public PSObject Mark(LoraGenerationToken token)
    {
        StringBuilder shown = new(isOpen ? Up : heading is null ? "" : heading + "\n");
        isOpen = true;
        string[] parts = (line + token.Text).ReplaceLineEndings("\n").Split('\n');
        for (int part = 0; part < parts.Length; part++)
        {
            line = Printable.Of(parts[part].Replace("\t", "    ", StringComparison.Ordinal));
            while (terminal.LengthInBufferCells(line) > width)
            {
                int end = End(line);
                shown.Append(line, 0, end).Append('\n');
                line = line[end..].TrimStart(' ');
            }

            shown.Append(line).Append(part < parts.Length - 1 ? "\n" : "");
        }

        PSObject marked = new(token);
        marked.TypeNames.Insert(0, $"{typeof(LoraGenerationToken).FullName}#{Property}");
        marked.Properties.Add(new PSNoteProperty(Property, shown.ToString()));
        return marked;
    }

    /// <summary>Where a line that is too long is broken: after its last word that has room.</summary>
    private int End(string text)
    {
        int end = 1;
        while (end < text.Length && terminal.LengthInBufferCells(text[..(end + 1)]) <= width)
        {
            end++;
        }

        int space = text[end] == ' ' ? end : text.LastIndexOf(' ', end - 1, end);
        return space > 0 ? space : end;
    }
}
