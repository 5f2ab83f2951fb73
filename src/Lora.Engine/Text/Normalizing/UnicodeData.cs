using System.Globalization;

namespace Lora.Text;

/// <summary>
/// UnicodeData.txt: what normalizers need to know of characters, the same on each machine. Decompositions and combining classes are Unicode's;
/// which characters are punctuation, marks or controls stands there as the reference library's own tables have it, some of which are older.
/// </summary>
internal sealed class UnicodeData
{
    private static readonly Lazy<UnicodeData> Loaded = new(() => new());

    private readonly Dictionary<string, List<string>> sections = [];

    private UnicodeData()
    {
        using Stream stream = typeof(UnicodeData).Assembly.GetManifestResourceStream("Lora.UnicodeData")!;
        using StreamReader reader = new(stream);
        List<string> section = [];
        while (reader.ReadLine() is string line)
        {
            if (line.StartsWith('['))
            {
                sections[line[1..^1]] = section = [];
            }
            else
            {
                section.Add(line);
            }
        }
    }

    public static UnicodeData Instance => Loaded.Value;

    /// <summary>The characters that one of a section becomes.</summary>
    public IEnumerable<(int CodePoint, string Text)> Mappings(string section) => sections[section].Select(line =>
    {
        int equals = line.IndexOf('=', StringComparison.Ordinal);
        return (Number(line.AsSpan(0, equals)), string.Concat(line[(equals + 1)..].Split(' ').Select(code => char.ConvertFromUtf32(Number(code)))));
    });

    /// <summary>The code points of each line of a section.</summary>
    public IEnumerable<IEnumerable<int>> Lines(string section) => sections[section].Select(line => line.Split(' ').SelectMany(CodePoints));

    private static IEnumerable<int> CodePoints(string range)
    {
        string[] ends = range.Split('-');
        int first = Number(ends[0]);
        return Enumerable.Range(first, Number(ends[^1]) - first + 1);
    }

    private static int Number(ReadOnlySpan<char> text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
