using System.Text.Json.Nodes;
using Lora.Selection;

namespace Lora.Tests.Selection;

public class PythonRegexTests
{
    /// <summary>What Python has and .NET does not: a table of names, and a condition on the group that it stands in, which loops read otherwise.</summary>
    private static readonly string[] Untranslatable = [@"\N{DIGIT ONE}", "((?(1)a|k))"];

    /// <summary>A slip of Python's, which takes case beyond ASCII in a range of such characters even where it is told to keep to ASCII.</summary>
    private const string ReadOtherwise = "(?ai)[\U00010400-\U00010427]";

    /// <summary>What ends .NET's interpreter of expressions in some names.</summary>
    private const string Failing = "(?(1)a|.)((?-i:[^\U0001F600]?)+?[\U00010400-\U00010427])*+";

    [Fact]
    public void Every_pattern_means_what_it_means_in_python()
    {
        JsonNode table = JsonNode.Parse(File.ReadAllText(Repository.Fixture("cases", "python_regex.json")))!;
        string[] names = PeftCases.Names(table["names"]);
        List<string> wrong = [];
        foreach (JsonNode? item in table["cases"]!.AsArray())
        {
            string pattern = item!["pattern"]!.GetValue<string>();
            string[]? expected = item["matches"] is JsonNode matches && !Untranslatable.Contains(pattern) ? PeftCases.Names(matches) : null;
            string[]? actual = Matches(pattern, names);
            if (!(expected is null ? actual is null : actual is not null && expected.SequenceEqual(actual)))
            {
                wrong.Add($"{pattern}: expected {Show(expected)}, found {Show(actual)}");
            }
        }

        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("*q_proj", "a repetition has nothing to repeat")]
    [InlineData("(q_proj", "a ( is not closed")]
    [InlineData("a(?i)b", "the flags (?i) stand at the start of a pattern only")]
    [InlineData("(?<n>a)", "Python writes a named group (?P<name>...)")]
    [InlineData(@".*(?<=q*)a", "Python allows a look-behind of one width only")]
    [InlineData(@"\p{L}", @"Python has no escape \p")]
    [InlineData(@"\N{DIGIT ONE}", "the character of the name 'DIGIT ONE' (\\N) cannot be looked up; write the character itself, or its number")]
    [InlineData(@"[\N{DIGIT ONE]", "the name after \\N is not closed")]
    [InlineData(@"\U00110000", "there is no character above U+10FFFF")]
    [InlineData(@"(?(3)a|b)(a)", "there is no group 3")]
    public void An_error_says_what_is_wrong(string pattern, string reason)
    {
        LoraException exception = Assert.Throws<LoraException>(() => PythonRegex.Whole(pattern));

        Assert.Equal((LoraError.PatternInvalid, pattern), (exception.Error, exception.Problem.Target));
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    /// <summary>Each pattern is tried on each name as Python's fullmatch does; the numbers of the names that match are Python's.</summary>
    [Fact]
    public void Characters_beyond_U_FFFF_count_once_and_case_is_pythons()
    {
        JsonNode table = JsonNode.Parse(File.ReadAllText(Repository.Fixture("cases", "python_characters.json")))!;
        string[] names = PeftCases.Names(table["names"]);
        List<string> wrong = [];
        foreach (JsonNode? item in table["cases"]!.AsArray())
        {
            string pattern = item!["pattern"]!.GetValue<string>();
            string[]? expected = Untranslatable.Contains(pattern) ? null : item["matches"]?.AsArray().Select(place => names[place!.GetValue<int>()]).ToArray();
            string[]? actual = Matches(pattern, names);
            if (pattern is not (ReadOtherwise or Failing) && !(expected is null ? actual is null : actual is not null && expected.SequenceEqual(actual)))
            {
                wrong.Add($"{pattern}: expected {Show(expected)}, found {Show(actual)}");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void A_pattern_on_which_the_interpreter_fails_is_refused_by_name()
    {
        PythonRegex regex = PythonRegex.Whole(Failing);
        LoraException exception = Assert.Throws<LoraException>(() => regex.Matches("\U00010400\U00010400."));
        Assert.Equal(LoraError.PatternInvalid, exception.Error);
    }

    [Fact]
    public void Case_takes_for_the_same_what_it_does_in_python()
    {
        int[][] groups = [.. File.ReadLines(Repository.Fixture("cases", "python_case.txt"))
            .Select(line => line.Split(' ').Select(code => int.Parse(code, System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture)).ToArray())];
        Assert.InRange(groups.Length, 1400, 1500);
        HashSet<int> known = [.. groups.SelectMany(group => group)]; // .NET's Unicode is newer; letters that came since are in no line
        Assert.Equal(groups.Select(Text), groups.Select(group => Text(PatternCase.Unicode.Value.AllOf(group[0]).Where(known.Contains))));

        static string Text(IEnumerable<int> group) => string.Join(' ', group.Order().Select(c => $"{c:X4}"));
    }

    [Fact]
    public void A_layer_may_be_numbered_in_digits_of_any_script() =>
        Assert.Equal((12, 3), (new LayerFilter([1], []).LayerOf("model.layers.\u0661\u0662.q"), new LayerFilter([1], []).LayerOf("model.layers.\U0001D7D1.q")));

    [Theory]
    [InlineData(@"\w+", "a\u0301", false)] // a combining mark is no word character in Python
    [InlineData(@"\w+", "\u00B2\u2167", true)] // superscripts and Roman numerals are
    [InlineData(@"\w", "\u203F", false)]
    [InlineData(@"[\w]+", "a\u0301", false)]
    [InlineData(@"\s", "\u001C", true)]
    [InlineData(@"\B", "", false)]
    [InlineData(@"a\B.", "ab", true)]
    [InlineData(@"(?a)\w+", "\u00E9", false)]
    [InlineData(@"(?a)[\W]", "\u00E9", true)]
    [InlineData(@"(?a)\d\D\s\S", "1a b", true)]
    [InlineData(@"(?a:\w)\w", "e\u00E9", true)]
    [InlineData(@"(?a:\w)\w", "\u00E9e", false)]
    [InlineData(@"(?a)(?u:\w)", "\u00E9", true)]
    public void Classes_have_pythons_members(string pattern, string text, bool expected) => Assert.Equal(expected, PythonRegex.Whole(pattern).Matches(text));

    [Theory]
    [InlineData("(", "a", ")")]
    [InlineData("(?:", "a", ")")]
    [InlineData("(?=", "a", ")")]
    [InlineData("(?<!", "a", ")")]
    [InlineData("(?i:", "a", ")")]
    [InlineData("(a)(?(1)", "a", ")")]
    public void Deep_parentheses_are_refused_and_do_not_end_the_process(string open, string inside, string close)
    {
        const int Levels = 20_000;
        string pattern = string.Concat(Enumerable.Repeat(open, Levels)) + inside + string.Concat(Enumerable.Repeat(close, Levels));
        LoraException exception = Assert.Throws<LoraException>(() => PythonRegex.Whole(pattern));
        Assert.Equal(LoraError.PatternInvalid, exception.Error);
    }

    [Fact]
    public void A_pattern_that_takes_too_long_is_stopped()
    {
        PythonRegex regex = PythonRegex.Whole("(a+)+b", TimeSpan.FromMilliseconds(20));

        LoraException exception = Assert.Throws<LoraException>(() => regex.Matches(new string('a', 60)));

        Assert.Equal(LoraError.PatternTimeout, exception.Error);
        Assert.Contains("longer than 20 ms", exception.Message, StringComparison.Ordinal);
    }

    private static string[]? Matches(string pattern, string[] names)
    {
        try
        {
            PythonRegex regex = PythonRegex.Whole(pattern);
            return [.. names.Where(regex.Matches)];
        }
        catch (LoraException exception) when (exception.Error == LoraError.PatternInvalid)
        {
            return null;
        }
    }

    private static string Show(string[]? names) => names is null ? "an error" : $"[{string.Join(" | ", names)}]";
}
