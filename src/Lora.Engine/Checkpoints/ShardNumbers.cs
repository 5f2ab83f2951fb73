using System.Globalization;
using System.Text.RegularExpressions;

namespace Lora.Checkpoints;

/// <summary>Shards that say in their names how many they are (<c>model-00002-of-00004.safetensors</c>), for folders that lost their index.</summary>
internal static partial class ShardNumbers
{
    /// <summary>The full paths of the shards that the names of others promise but the folder lacks.</summary>
    public static IEnumerable<string> Missing(IReadOnlyCollection<string> files)
    {
        HashSet<string> present = new(files, StringComparer.Ordinal);
        return files
            .Select(file => Name.Match(file))
            .Where(match => match.Success)
            .Select(match => (Stem: match.Groups["stem"].Value, Count: match.Groups["count"].Value))
            .Distinct()
            .SelectMany(series => Enumerable.Range(1, int.Parse(series.Count, CultureInfo.InvariantCulture))
                .Select(number => $"{series.Stem}-{number.ToString("D5", CultureInfo.InvariantCulture)}-of-{series.Count}.safetensors"))
            .Where(file => !present.Contains(file));
    }

    [GeneratedRegex(@"^(?<stem>.+)-[0-9]{5}-of-(?<count>[0-9]{5})\.safetensors$", RegexOptions.ExplicitCapture)]
    private static partial Regex Name { get; }
}
