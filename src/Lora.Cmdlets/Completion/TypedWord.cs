using System.IO.Enumeration;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace Lora.Commands;

/// <summary>The word that is completed: its text, and the quote that it was begun with.</summary>
internal sealed partial class TypedWord
{
    private readonly string typed;
    private readonly char? quote;

    /// <param name="typed">The word as the shell gives it: with its quotes, the second one added.</param>
    public TypedWord(string typed)
    {
        this.typed = typed;
        quote = typed is ['\'' or '"', ..] ? typed[0] : null;
        Text = quote is char mark ? typed[1..].TrimEnd(mark) : typed;
    }

    /// <summary>The text without quotes.</summary>
    public string Text { get; }

    /// <summary>Whether a value begins with what is typed; case is ignored, and <c>*</c> stands for any text.</summary>
    public bool Begins(string value) => FileSystemName.MatchesSimpleExpression(Text + "*", value);

    /// <summary>A value that the word can become, in the quotes that were typed, or in those that it needs.</summary>
    public CompletionResult Value(string value, string? meaning = null) =>
        new(Quoted(value), value, CompletionResultType.ParameterValue, meaning ?? value);

    /// <summary>The word as it is; no result at all would bring file names, and the shell has no empty one: a space is the least.</summary>
    public CompletionResult Unchanged() => typed.Length == 0
        ? new(" ", "(nothing is known here)", CompletionResultType.Text, "Nothing is known here: no model is named before this parameter, or none of its values is left")
        : new(typed);

    private string Quoted(string value) => quote switch
    {
        '"' when !value.AsSpan().ContainsAny('"', '$', '`') => $"\"{value}\"",
        null when Bare().IsMatch(value) => value,
        _ => $"'{value.Replace("'", "''", StringComparison.Ordinal)}'",
    };

    // What begins with a digit could be read as a number, and lose its zeros; a number alone is safe.
    [GeneratedRegex(@"^([\p{L}_/][\w./:-]*|0|[1-9]\d*)\z")]
    private static partial Regex Bare();
}
