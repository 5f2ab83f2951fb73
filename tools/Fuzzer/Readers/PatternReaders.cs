using System.Text;
using Lora.Selection;

namespace Lora.Tools.Fuzzer;

/// <summary>Python's regular expressions and globs, put together from their own pieces.</summary>
internal static class PatternReaders
{
    private const string FileName = "pattern.txt";
    private const int MostPieces = 12;

    private static readonly string[] Expressions =
    [
        "model", "layers", @"\.", ".*", ".+?", "[0-9]+", @"\d{1,2}", "(", ")", "(?:", "(?P<a>", "(?P=a)", "(?=", "(?!", "(?<=", "(?<!", "(?i)", "(?a)", "(?i:", "(?-i:", "(?x)", "(?s-i)", "(?#", "(?(1)a|b)",
        "(?>", "[", "]", "[^", "[]", "[a-", "[z-a]", "[[:alpha:]]", "|", "^", "$", @"\A", @"\Z", @"\b", @"\B", @"\1", @"\10", @"\0", @"\x4", @"\x41", @"\u0041", @"\U0001F44D", @"\N{DIGIT ONE}", @"\p{L}",
        @"\w", @"\W", @"\s", @"\\", @"\", "*", "+", "?", "??", "*+", "++", "{", "}", "{,3}", "{3}", "{3,1}", "{2147483647}", "{99999999999}", "(a+)+", "(.*)*", "(a|a)*b", "#", " ", "\n", "é", "中", "\U0001F44D", "\ud800", "\0",
    ];

    private static readonly string[] Globs = ["model", "layers", "*", "**", ".", "..", "/", @"\", "?", "[", "]", "0", "_proj", "q_proj", "", " ", "é", "\ud800", "\0", "...", "*.*", "**.**", "***", "-", "{a,b}"];

    private static readonly string[] Names =
        ["model.layers.0.self_attn.q_proj", "lm_head", "", ".", "a..b", new string('a', 60) + "!", string.Join('.', Enumerable.Repeat("layers", 200)), "model.layers.11.mlp.é"];

    public static IReadOnlyList<Reader> All { get; } =
    [
        new("expressions", 90, folder => Patterns(folder, Expressions, text =>
        {
            PythonRegex pattern = PythonRegex.Whole(text);
            Array.ForEach(Names, name => pattern.Matches(name));
            PatternTable.Compile(text);
        })),
        new("globs", 90, folder => Patterns(folder, Globs, text =>
        {
            ModulePattern pattern = ModulePattern.Parse(text);
            Array.ForEach(Names, name => pattern.IsMatch(name));
        })),
    ];

    private static OpenReader Patterns(string folder, string[] pieces, Action<string> read) => new(
        // Half of a surrogate pair would not outlive UTF-8.
        random => new(FileName, Encoding.Unicode.GetBytes(Make(pieces, random))),
        _ => read(Encoding.Unicode.GetString(File.ReadAllBytes(Path.Combine(folder, FileName)))));

    private static string Make(string[] pieces, Random random)
    {
        StringBuilder text = new();
        for (int count = random.Next(1, MostPieces); count > 0; count--)
        {
            string piece = random.Any(pieces);
            int times = random.Next(200) switch { 0 => 5000, 1 => 100, < 10 => 10, _ => 1 };
            text.Insert(text.Length, piece, times);
        }

        return text.ToString();
    }
}
