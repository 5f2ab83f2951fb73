using System.Text.Json.Nodes;
using Lora.Selection;

namespace Lora.Tests.Selection;

public class PythonRegexTests
{
    /// <summary>What Python has and .NET does not, or not with the same meaning.</summary>
    private static readonly string[] Untranslatable = [@"\U0001F600", @"\N{DIGIT ONE}"];

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
    [InlineData(@"\N{DIGIT ONE}", "cannot be translated")]
    public void An_error_says_what_is_wrong(string pattern, string reason)
    {
        LoraException exception = Assert.Throws<LoraException>(() => PythonRegex.Whole(pattern));

        Assert.Equal((LoraError.PatternInvalid, pattern), (exception.Error, exception.Problem.Target));
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

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
