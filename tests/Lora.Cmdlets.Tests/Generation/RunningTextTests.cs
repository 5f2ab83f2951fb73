namespace Lora.Commands.Tests.Generation;

/// <summary>What a terminal shows of tokens, each of which writes the line before it again.</summary>
public class RunningTextTests
{
    [Theory]
    [InlineData("The| fox| sleeps", "The fox sleeps")]
    [InlineData("one\n|two|\n\nthree", "one\ntwo\n\nthree")]
    [InlineData("||a|", "a")]
    [InlineData("a\tb\u0007", "a    b\\u0007")]
    public void Tokens_run_on_and_lines_end_where_the_text_has_ends(string tokens, string shown) => Assert.Equal(shown, Screen(tokens.Split('|')));

    [Fact]
    public void Lines_are_broken_at_words_and_nothing_is_lost_or_said_twice()
    {
        const string Text = "Once upon a time there was a fox who lived in a den below the hill and slept there every night until the sun came up over the mountains and the river";
        string[] tokens = [.. Text.Split(' ').Select((word, index) => index == 0 ? word : " " + word)];

        string screen = Screen(tokens);

        Assert.Equal(Text, screen.Replace('\n', ' '));
        Assert.All(screen.Split('\n'), line => Assert.InRange(line.Length, 1, 110));
        Assert.True(screen.Split('\n').Length > 1);
    }

    /// <summary>What is left on a terminal: the shell ends each object's lines, and a token begins by going one up and emptying that line.</summary>
    private static string Screen(IEnumerable<string> tokens)
    {
        RunningText running = new(new CaptureRawInterface());
        running.Begin(null);
        List<string> lines = [];
        foreach (string token in tokens)
        {
            string shown = (string)running.Mark(new(0, 0, token)).Properties[RunningText.Property].Value;
            if (shown.StartsWith("\e[1A\e[K", StringComparison.Ordinal))
            {
                shown = shown[7..];
                lines.RemoveAt(lines.Count - 1);
            }

            Assert.DoesNotContain('\e', shown);
            lines.AddRange(shown.Split('\n'));
        }

        return string.Join('\n', lines);
    }
}
