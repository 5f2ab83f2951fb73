using System.Text.Json.Nodes;
using Lora.Selection;

namespace Lora.Tests.Selection;

public class PythonRegexTests
{
    /// <summary>What Python has and .NET does not, or not with the same meaning.</summary>
    private static readonly string[] Untranslatable = ["(?a)model.*", @"\U0001F600", @"\N{DIGIT ONE}"];

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
