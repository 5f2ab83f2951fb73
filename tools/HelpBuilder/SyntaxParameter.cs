using System.Text.RegularExpressions;

namespace Lora.Tools.Help;

/// <summary>One parameter of a line of syntax.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">The type of its value; empty for a switch.</param>
/// <param name="IsRequired">Whether the set needs it.</param>
/// <param name="IsPositional">Whether its name may be left out.</param>
internal sealed partial record SyntaxParameter(string Name, string Type, bool IsRequired, bool IsPositional)
{
    /// <summary>The parameters of a line such as <c>Get-Thing [-Path] &lt;string&gt; [-Force]</c>.</summary>
    public static IReadOnlyList<SyntaxParameter> Parse(string line) =>
    [
        .. Parts().Matches(line).Select(match => new SyntaxParameter(
            match.Groups["name"].Value,
            match.Groups["type"].Value,
            !match.Groups["optional"].Success,
            match.Groups["positional"].Success)),
    ];

    // [[-Name] <type>], [-Name] <type>, [-Name <type>], -Name <type>, [-Name]
    [GeneratedRegex(
        """
        (?<= \ )
        (?: (?<optional>\[) (?= \[ | -\w+\ < | -\w+\] (?!\ <) ) )?
        (?<positional> \[ (?= -\w+\] \ <) )? -(?<name>\w+) (?(positional)\])
        (?: \ < (?<type> [^>]+ ) > )?
        """,
        RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Parts();
}
