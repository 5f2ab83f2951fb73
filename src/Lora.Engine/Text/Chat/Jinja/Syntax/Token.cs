namespace Lora.Text.Jinja;

internal enum TokenKind
{
    Text,
    OpenExpression,
    CloseExpression,
    OpenTag,
    CloseTag,
    Name,
    String,
    Integer,
    Float,
    Operator,
    End,
}

/// <summary>A piece of a template; of a string the text without quotes and escapes.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, int Line)
{
    public string Description => Kind switch
    {
        TokenKind.End => "the end of the template",
        TokenKind.CloseTag => "'%}'",
        TokenKind.CloseExpression => "'}}'",
        _ => $"'{(Text.Length > 40 ? Text[..40] + "..." : Text)}'",
    };
}
