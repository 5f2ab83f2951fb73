namespace Lora.Selection;

/// <summary>The alternatives of a pattern: <c>a|b</c> has two, <c>(a|b)c</c> one.</summary>
internal static class Alternatives
{
    /// <summary>Splits a pattern at the bars that are in no group and no class.</summary>
    public static IReadOnlyList<string> Of(string pattern)
    {
        List<string> parts = [];
        int start = 0;
        int depth = 0;
        bool isClass = false;
        for (int at = 0; at < pattern.Length; at++)
        {
            switch (pattern[at])
            {
                case '\\':
                    at++;
                    break;
                case '[':
                    isClass = true;
                    break;
                case ']':
                    isClass = false;
                    break;
                case '(' when !isClass:
                    depth++;
                    break;
                case ')' when !isClass:
                    depth--;
                    break;
                case '|' when !isClass && depth == 0:
                    parts.Add(pattern[start..at]);
                    start = at + 1;
                    break;
            }
        }

        return [.. parts, pattern[start..]];
    }
}
