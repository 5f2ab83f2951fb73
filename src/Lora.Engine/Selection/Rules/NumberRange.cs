using System.Globalization;
using System.Text.RegularExpressions;

namespace Lora.Selection;

/// <summary>A character class that looks like a range of numbers: <c>[1-20]</c> is one of the characters 0, 1 and 2.</summary>
internal static partial class NumberRange
{
    /// <summary>What such classes of a pattern mean, and what would be the range; empty for a pattern without one.</summary>
    public static IEnumerable<string> Explain(string pattern) =>
        from found in Class.Matches(pattern)
        let low = found.Groups["low"].Value
        let high = found.Groups["high"].Value
        where low.Length > 1 || high.Length > 1
        select $"'{found.Value}' is one of the characters {string.Join(", ", Characters(low, high))} and no range of numbers{Remedy(low, high)}";

    private static IEnumerable<char> Characters(string low, string high) =>
        low[..^1].Concat(high[1..]).Concat(Enumerable.Range(low[^1], Math.Max(high[0] - low[^1] + 1, 0)).Select(code => (char)code)).Distinct().Order();

    private static string Remedy(string low, string high) =>
        int.TryParse(low, CultureInfo.InvariantCulture, out int from) && int.TryParse(high, CultureInfo.InvariantCulture, out int to) && from < to && to < 1000
            ? $": write (?:{string.Join('|', Tens(from, to))})"
            : "";

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

    [GeneratedRegex(@"(?<!\\)\[(?<low>\d+)-(?<high>\d+)\]")]
    private static partial Regex Class { get; }
}
