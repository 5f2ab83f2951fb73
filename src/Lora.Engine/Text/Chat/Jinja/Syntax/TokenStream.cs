namespace Lora.Text.Jinja;

/// <summary>The tokens of a template, one after another, and how deep the parser is in them.</summary>
internal sealed class TokenStream(List<Token> tokens)
{
    // Templates in use nest about fifteen deep.
    private const int MostDepth = 100;

    private int position;
    private int depth;

    public Token Current => tokens[position];

    public Token Following => tokens[Math.Min(position + 1, tokens.Count - 1)];

    public Token Next()
    {
        Token token = Current;
        position = Math.Min(position + 1, tokens.Count - 1);
        return token;
    }

    public bool IsOperator(string text) => Current.Kind == TokenKind.Operator && Current.Text == text;

    public bool IsName(string text) => Current.Kind == TokenKind.Name && Current.Text == text;

    public bool TakeOperator(string text) => Take(IsOperator(text));

    public bool TakeName(string text) => Take(IsName(text));

    public string Name() => Expect(TokenKind.Name, "a name").Text;

    public void ExpectOperator(string text) => _ = TakeOperator(text) ? true : throw Unexpected($"'{text}'");

    public void ExpectName(string text) => _ = TakeName(text) ? true : throw Unexpected($"'{text}'");

    public void CloseTag() => Expect(TokenKind.CloseTag, "'%}'");

    public Token Expect(TokenKind kind, string description) => Current.Kind == kind ? Next() : throw Unexpected(description);

    /// <summary>Parses what stands inside something else.</summary>
    public T Nested<T>(Func<T> parse)
    {
        if (++depth > MostDepth)
        {
            throw new JinjaFailure($"it nests more than {MostDepth} deep", Current.Line);
        }

        T result = parse();
        depth--;
        return result;
    }

    public JinjaFailure Unexpected(string expected) => new($"{Current.Description} stands where {expected} is expected", Current.Line);

    private bool Take(bool isIt)
    {
        if (isIt)
        {
            Next();
        }

        return isIt;
    }
}
