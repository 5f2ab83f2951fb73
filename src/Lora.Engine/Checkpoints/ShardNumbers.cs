using System.Globalization;
using System.Text.RegularExpressions;

namespace Lora.Checkpoints;

/// <summary>Shards that say in their names how many they are (<c>model-00002-of-00004.safetensors</c>), for folders that lost their index.</summary>
internal static partial class ShardNumbers
{
    private const int Shown = 20;

    /// <summary>The names of the shards that the names of others promise but the folder lacks; the first twenty, and how many more in place of the rest.</summary>
    public static IEnumerable<string> Missing(IReadOnlyCollection<string> files)
    {
        HashSet<string> present = [.. files.Select(file => Path.GetFileName(file))];
        (string Stem, string Count)[] series = [.. present.Select(name => Name.Match(name)).Where(match => match.Success)
            .Select(match => (Stem: match.Groups["stem"].Value, Count: match.Groups["count"].Value)).Distinct()];

        // A name can promise 99,999 shards: only those that are shown are spelled out.
        long missing = series.Sum(one => (long)Number(one.Count)) - present.Count(name => Name.IsMatch(name));
        IEnumerable<string> shown = series
            .SelectMany(one => Enumerable.Range(1, Number(one.Count)).Select(number => $"{one.Stem}-{number.ToString("D5", CultureInfo.InvariantCulture)}-of-{one.Count}.safetensors"))
            .Where(name => !present.Contains(name))
            .Take(Shown);
        return missing > Shown ? shown.Append($"... and {missing - Shown} more") : shown;
    }

    /// <summary>Mistral's folders hold the model twice: in numbered shards and, under the names of its own code, in consolidated.safetensors.</summary>
    public static string[] WithoutConsolidated(string[] files) => files.Any(file => Name.IsMatch(Path.GetFileName(file)))
        ? [.. files.Where(file => Path.GetFileName(file) != "consolidated.safetensors")]
        : files;

    private static int Number(string digits) => int.Parse(digits, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<stem>.+)-[0-9]{5}-of-(?<count>[0-9]{5})\.safetensors$", RegexOptions.ExplicitCapture)]
    private static partial Regex Name { get; }
}
