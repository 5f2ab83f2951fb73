using System.Globalization;
using System.Text.RegularExpressions;

namespace Lora.Selection;

/// <summary>A character class that looks like numbers: <c>[1-20]</c> is one of the characters 0, 1 and 2, and <c>[0-5,10-15]</c> one of 0 to 5.</summary>
internal static partial class NumberRange
{
    /// <summary>What such classes of a pattern mean, and what would be the numbers; empty for a pattern without one.</summary>
    public static IEnumerable<string> Explain(string pattern) =>
        from found in Class.Matches(pattern)
        let parts = found.Groups["part"].Captures.Select(part => part.Value.Split('-')).ToArray()
        where parts.Any(part => part.Any(number => number.Length > 1)) && (parts.Length > 1 || parts[0].Length > 1)
        let isNegated = found.Groups["not"].Length > 0
        let characters = string.Join(", ", parts.SelectMany(part => Characters(part[0], part[^1])).Distinct().Order())
        let backwards = parts.FirstOrDefault(part => part.Length > 1 && part[0][^1] > part[1][0])
        select backwards is not null ? $"'{found.Value}' has the characters {backwards[0][^1]}-{backwards[1][0]} backwards, and is no range of numbers{(isNegated ? "" : Remedy(parts))}"
            : isNegated ? $"'{found.Value}' is one character other than {characters} and no range of numbers"
            : $"'{found.Value}' is one of the characters {characters} and no range of numbers{Remedy(parts)}";

    private static IEnumerable<char> Characters(string low, string high) => ReferenceEquals(low, high)
        ? low
        : low[..^1].Concat(high[1..]).Concat(Enumerable.Range(low[^1], Math.Max(high[0] - low[^1] + 1, 0)).Select(code => (char)code));

    private static string Remedy(string[][] parts)
    {
        (int From, int To)[] ranges = [.. parts.Select(part => (Number(part[0]), Number(part[^1])))];
        return ranges.All(range => range.From <= range.To && range.To < 1000)
            ? $": write (?:{string.Join('|', ranges.SelectMany(range => Tens(range.From, range.To)))})"
            : "";
    }

    private static int Number(string digits) => int.TryParse(digits, CultureInfo.InvariantCulture, out int number) ? number : int.MaxValue;

    /// <summary>The numbers, ten after ten: <c>[1-9]</c>, <c>1[0-9]</c>, <c>20</c>.</summary>
    private static IEnumerable<string> Tens(int from, int to)
    {
        for (int start = from; start <= to; start = ((start / 10) + 1) * 10)
        {
            int end = Math.Min(to, (start / 10 * 10) + 9);
            string tens = start < 10 ? "" : (start / 10).ToString(CultureInfo.InvariantCulture);
            yield return start == end
                ? start.ToString(CultureInfo.InvariantCulture)
                : string.Create(CultureInfo.InvariantCulture, $"{tens}[{start % 10}-{end % 10}]");
        }
    }

    [GeneratedRegex(@"(?<!\\)\[(?<not>\^?)(?<part>\d+(?:-\d+)?)(?:[,;| ]+(?<part>\d+(?:-\d+)?))*\]")]
    private static partial Regex Class { get; }
}
