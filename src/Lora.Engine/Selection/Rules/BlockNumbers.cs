using System.Globalization;
using System.Text.RegularExpressions;

namespace Lora.Selection;

/// <summary>The numbers of blocks that an entry or a pattern names, against those that the model has.</summary>
internal static partial class BlockNumbers
{
    /// <summary>That an entry names blocks which the model has not; null when it does not.</summary>
    /// <param name="entry">A name, an ending or a pattern.</param>
    /// <param name="modules">The model's modules.</param>
    public static string? Beyond(string entry, IReadOnlyList<LoraModuleInfo> modules)
    {
        int[] numbers = [.. Number.Matches(entry).SelectMany(match => match.Groups["number"].Captures).Select(capture => int.Parse(capture.Value, CultureInfo.InvariantCulture))];
        if (modules.Max(module => module.Layer) is not int last || numbers.All(number => number <= last))
        {
            return null;
        }

        // Experts are counted too, and further than blocks.
        HashSet<string> parts = [.. modules.SelectMany(module => module.Name.Split('.'))];
        int[] beyond = [.. numbers.Where(number => number > last && !parts.Contains(number.ToString(CultureInfo.InvariantCulture)))];
        return beyond.Length == 0 ? null : string.Create(
            CultureInfo.InvariantCulture, $"it names the {(beyond.Length == 1 ? "block" : "blocks")} {string.Join(", ", beyond)}, and the model's are 0 to {last}");
    }

    /// <summary>A number between dots, escaped or not, or several in a group: <c>layers.31.</c>, <c>\.31\.</c>, <c>\.(30|31)\.</c>.</summary>
    [GeneratedRegex(@"(?:^|\.)(?:(?<number>\d{1,6})|\((?:\?:)?(?<number>\d{1,6})(?:\|(?<number>\d{1,6}))*\))(?=\\?\.|$)")]
    private static partial Regex Number { get; }
}
