namespace Lora.Commands.Tests.Views;

public sealed class RowTextTests
{
    private static readonly string Long = string.Concat(Enumerable.Repeat("abcdefghij", 20));

    [Fact]
    public void What_is_learned_stands_between_the_marks() =>
        Assert.Equal("<s>a[b\u21B5c]d[e]", RowText.Line(Row("<s>a", "b\nc", "d", "e"), "[", "]"));

    [Fact]
    public void Whole_text_keeps_its_lines_each_marked_by_itself() =>
        Assert.Equal("a\n[b]\n[c]d", RowText.Whole(Row("a\n", "b\nc", "d"), "[", "]"));

    [Fact]
    public void Long_stretches_keep_their_ends_so_that_what_is_learned_is_seen()
    {
        string line = RowText.Line(Row(Long, Long, Long), "[", "]");

        Assert.Matches(@"^abc[a-j]+\u2026[a-j]+hij\[abc[a-j]+\u2026[a-j]+hij\]abc[a-j]+\u2026[a-j]+hij$", line);
        Assert.InRange(line.Length, 100, 300);
    }

    [Fact]
    public void A_row_of_many_stretches_ends_somewhere() =>
        Assert.InRange(RowText.Line(Row([.. Enumerable.Repeat(Long, 100)]), "[", "]").Length, 300, 500);

    [Fact]
    public void Characters_of_two_halves_are_not_cut_apart()
    {
        foreach (int before in Enumerable.Range(0, 3))
        {
            string line = RowText.Line(Row(new string('a', before) + string.Concat(Enumerable.Repeat("😀", 100))), "[", "]");
            Assert.Equal(line, new string([.. line.EnumerateRunes().SelectMany(rune => rune.ToString())]));
            Assert.DoesNotContain('\uFFFD', line);
        }
    }

    [Fact]
    public void What_would_steer_a_terminal_is_written_as_its_code()
    {
        Assert.Equal("[\\u001B\\u005B31m]".Replace("\\u005B", "[", StringComparison.Ordinal), RowText.Line(Row("", "\u001b[31m"), "[", "]"));
        Assert.Equal("a\\u0007", RowText.Plain("a\a"));
        Assert.Equal("[\\u001B[2J]", RowText.Whole(Row("", "\u001b[2J"), "[", "]"));
    }

    /// <summary>A row of stretches, of which every second is learned.</summary>
    private static LoraDatasetRow Row(params string[] stretches) => new()
    {
        Text = string.Concat(stretches),
        Supervised =
        [
            .. Enumerable.Range(0, stretches.Length).Where(number => number % 2 == 1)
                .Select(number => new LoraSupervisedRange { Start = stretches.Take(number).Sum(text => text.Length), Text = stretches[number] }),
        ],
    };
}
