namespace Lora.Commands;

/// <summary>The ways to write a module's dotted name.</summary>
internal static class DottedName
{
    /// <summary>The last part: <c>q_proj</c>.</summary>
    public static string Role(string name) => name[(name.LastIndexOf('.') + 1)..];

    /// <summary>The name, and what is left of it after each dot: <c>layers.0.mlp</c>, <c>0.mlp</c>, <c>mlp</c>.</summary>
    public static IEnumerable<string> Endings(string name)
    {
        yield return name;
        for (int dot = name.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = name.IndexOf('.', dot + 1))
        {
            yield return name[(dot + 1)..];
        }
    }

    /// <summary>The roles that a word begins; once a dot is typed, or where it begins none, the longer names.</summary>
    /// <param name="word">The word.</param>
    /// <param name="names">Whole names.</param>
    /// <param name="longer">The longer ways to write each name.</param>
    public static IEnumerable<string> Complete(TypedWord word, IEnumerable<string> names, Func<string, IEnumerable<string>> longer)
    {
        string[] all = [.. names];
        string[] roles = word.Text.Contains('.', StringComparison.Ordinal) ? [] : [.. all.Select(Role).Distinct().Where(word.Begins)];
        return roles.Length > 0 ? roles : all.SelectMany(longer).Distinct().Where(word.Begins);
    }
}
