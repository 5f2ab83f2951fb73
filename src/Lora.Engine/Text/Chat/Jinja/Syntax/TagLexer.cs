using System.Text.RegularExpressions;

namespace Lora.Text.Jinja;

/// <summary>Cuts what stands inside a tag or an expression into names, numbers, strings and operators.</summary>
internal sealed partial class TagLexer(string source, List<Token> tokens)
{
    // Those of two characters first, so that // is not read as two divisions.
    private static readonly string[] Operators =
        ["//", "**", "==", "!=", ">=", "<=", "(", ")", "[", "]", "{", "}", ",", ":", "|", ".", "+", "-", "*", "/", "%", "~", "<", ">", "="];

    private int line = 1;
    private int counted;

    /// <summary>Reads up to and with the closing braces.</summary>
    /// <param name="from">The place behind the opening braces.</param>
    /// <param name="isTag">Whether %} closes, else }}.</param>
    /// <returns>The place behind the closing braces, and the sign in front of them.</returns>
    public (int End, char Sign) Read(int from, bool isTag)
    {
        string close = isTag ? "%}" : "}}";
        int open = 0;
        for (int at = SkipSpace(source, from); at < source.Length; at = SkipSpace(source, at))
        {
            int signed = source[at] is '-' or '+' ? at + 1 : at;
            // Inside brackets }} ends two dicts, not the expression.
            if (open == 0 && string.CompareOrdinal(source, signed, close, 0, close.Length) == 0)
            {
                Add(isTag ? TokenKind.CloseTag : TokenKind.CloseExpression, close, at);
                return (signed + close.Length, signed > at ? source[at] : ' ');
            }

            Token token = Next(at, out int end);
            open += token is { Kind: TokenKind.Operator, Text: "(" or "[" or "{" } ? 1 : token is { Kind: TokenKind.Operator, Text: ")" or "]" or "}" } ? -1 : 0;
            tokens.Add(open >= 0 ? token : throw new JinjaFailure($"'{token.Text}' closes nothing", token.Line));
            at = end;
        }

        throw new JinjaFailure($"'{close}' is missing", LineOf(from));
    }

    public static int SkipSpace(string source, int at)
    {
        while (at < source.Length && char.IsWhiteSpace(source[at]))
        {
            at++;
        }

        return at;
    }

    public static bool IsNamePart(char character) => char.IsLetterOrDigit(character) || character == '_';

    /// <summary>The line of a place; places are asked for in order.</summary>
    public int LineOf(int at)
    {
        for (; counted < at && counted < source.Length; counted++)
        {
            line += source[counted] == '\n' ? 1 : 0;
        }

        return line;
    }

    private Token Next(int at, out int end)
    {
        char first = source[at];
        int start = LineOf(at);
        if (first is '"' or '\'')
        {
            return new Token(TokenKind.String, StringLiteral.Read(source, at, start, out end), start);
        }

        if (char.IsAsciiDigit(first))
        {
            Match number = Number().Match(source, at);
            end = at + number.Length;
            return new Token(number.Groups["float"].Success ? TokenKind.Float : TokenKind.Integer, number.Value.Replace("_", "", StringComparison.Ordinal), start);
        }

        if (IsNamePart(first))
        {
            end = at;
            while (end < source.Length && IsNamePart(source[end]))
            {
                end++;
            }

            return new Token(TokenKind.Name, source[at..end], start);
        }

        string found = Operators.FirstOrDefault(text => string.CompareOrdinal(source, at, text, 0, text.Length) == 0)
            ?? throw new JinjaFailure($"'{first}' is no part of an expression", start);
        end = at + found.Length;
        return new Token(TokenKind.Operator, found, start);
    }

    private void Add(TokenKind kind, string text, int at) => tokens.Add(new Token(kind, text, LineOf(at)));

    [GeneratedRegex(@"\G[0-9][0-9_]*(?<float>\.[0-9][0-9_]*([eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)?", RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
