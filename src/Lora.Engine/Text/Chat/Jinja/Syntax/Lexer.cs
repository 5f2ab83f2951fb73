namespace Lora.Text.Jinja;

/// <summary>
/// Cuts a template into tokens as Jinja2 does with trim_blocks and lstrip_blocks: the line break after a tag or comment goes, and so does the
/// space before one that begins its line; - takes all space on its side, + none.
/// </summary>
internal sealed class Lexer
{
    private readonly string source;
    private readonly TagLexer tags;
    private readonly List<Token> tokens = [];
    private int position;

    private Lexer(string source)
    {
        this.source = source;
        tags = new TagLexer(source, tokens);
    }

    /// <exception cref="JinjaFailure">The text is not Jinja.</exception>
    public static List<Token> Read(string template)
    {
        // Of all ends of lines Jinja2 knows these alone.
        string source = template.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        // Jinja2 drops one line break at the end of a template (keep_trailing_newline).
        Lexer lexer = new(source.EndsWith('\n') ? source[..^1] : source);
        lexer.ReadAll();
        return lexer.tokens;
    }

    private void ReadAll()
    {
        while (position < source.Length)
        {
            int open = FindOpening(position);
            if (open < 0)
            {
                Add(TokenKind.Text, source[position..]);
                break;
            }

            char kind = source[open + 1];
            int inside = open + 2;
            char sign = inside < source.Length && source[inside] is '-' or '+' ? source[inside++] : ' ';
            AddText(Before(position, open, sign, kind));
            Skip(inside, kind, open);
        }

        Add(TokenKind.End, "");
    }

    private void Skip(int inside, char kind, int open)
    {
        int content = TagLexer.SkipSpace(source, inside);
        if (kind == '#')
        {
            int end = source.IndexOf("#}", inside, StringComparison.Ordinal);
            position = end < 0 ? throw Failure("a comment is not closed", open) : After(end + 2, end > inside ? source[end - 1] : ' ', trimmed: true);
        }
        else if (kind == '%' && IsWord(content, "raw", out int afterRaw))
        {
            ReadRaw(afterRaw, open);
        }
        else
        {
            Add(kind == '%' ? TokenKind.OpenTag : TokenKind.OpenExpression, "", open);
            (int end, char sign) = tags.Read(inside, kind == '%');
            position = After(end, sign, trimmed: kind == '%');
        }
    }

    private void ReadRaw(int afterRaw, int open)
    {
        (int start, char startSign) = TagEnd(afterRaw) ?? throw Failure("'raw' takes nothing", open);
        int begin = startSign == '-' ? TagLexer.SkipSpace(source, start) : start;
        for (int end = source.IndexOf("{%", begin, StringComparison.Ordinal); end >= 0; end = source.IndexOf("{%", end + 2, StringComparison.Ordinal))
        {
            int inside = end + 2;
            char sign = inside < source.Length && source[inside] is '-' or '+' ? source[inside++] : ' ';
            if (IsWord(TagLexer.SkipSpace(source, inside), "endraw", out int afterEnd) && TagEnd(afterEnd) is (int close, char closeSign))
            {
                AddText(Before(begin, end, sign, '%'));
                position = After(close, closeSign, trimmed: true);
                return;
            }
        }

        throw Failure("'raw' is not closed", open);
    }

    private (int End, char Sign)? TagEnd(int from)
    {
        int at = TagLexer.SkipSpace(source, from);
        char sign = at < source.Length && source[at] is '-' or '+' ? source[at++] : ' ';
        return string.CompareOrdinal(source, at, "%}", 0, 2) == 0 ? (at + 2, sign) : null;
    }

    /// <summary>The text before a tag, without the space that the tag takes.</summary>
    private string Before(int from, int to, char sign, char kind)
    {
        string text = source[from..to];
        if (sign == '-')
        {
            return text.TrimEnd();
        }

        int line = text.LastIndexOf('\n') + 1;
        bool beginsLine = line > 0 || from == 0 || source[from - 1] == '\n';
        // lstrip_blocks is for tags and comments: what is written by {{ keeps its indentation.
        return sign != '+' && kind != '{' && beginsLine && string.IsNullOrWhiteSpace(text[line..]) ? text[..line] : text;
    }

    /// <summary>Where text goes on behind a tag.</summary>
    private int After(int end, char sign, bool trimmed) => sign switch
    {
        '-' => TagLexer.SkipSpace(source, end),
        '+' => end,
        _ => trimmed && end < source.Length && source[end] == '\n' ? end + 1 : end,
    };

    private int FindOpening(int from)
    {
        for (int open = source.IndexOf('{', from); open >= 0 && open + 1 < source.Length; open = source.IndexOf('{', open + 1))
        {
            if (source[open + 1] is '{' or '%' or '#')
            {
                return open;
            }
        }

        return -1;
    }

    private bool IsWord(int at, string word, out int after)
    {
        after = at + word.Length;
        return string.CompareOrdinal(source, at, word, 0, word.Length) == 0 && (after >= source.Length || !TagLexer.IsNamePart(source[after]));
    }

    private void AddText(string text)
    {
        if (text.Length > 0)
        {
            Add(TokenKind.Text, text);
        }
    }

    private void Add(TokenKind kind, string text, int? at = null) => tokens.Add(new Token(kind, text, tags.LineOf(at ?? position)));

    private JinjaFailure Failure(string reason, int at) => new(reason, tags.LineOf(at));
}
