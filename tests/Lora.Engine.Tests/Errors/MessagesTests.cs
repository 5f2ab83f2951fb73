namespace Lora.Tests.Errors;

public class MessagesTests
{
    [Fact]
    public void Every_error_has_a_message_and_an_advice()
    {
        foreach (LoraError error in Enum.GetValues<LoraError>())
        {
            LoraProblem problem = new(error, "target", "a", "b", "c", "d", "e");
            Assert.NotEmpty(problem.Message);
            Assert.NotEmpty(problem.Advice);
            Assert.DoesNotMatch(@"\{\d", problem.Advice); // the values stand in the message alone
        }
    }

    [Fact]
    public void Of_many_problems_the_first_twenty_are_listed_and_the_others_counted()
    {
        LoraException exception = LoraException.Of([.. Enumerable.Range(0, 896).Select(number => new LoraProblem(LoraError.PathNotFound, number, number))]);
        string[] lines = exception.Message.Split(Environment.NewLine);
        Assert.Equal(22, lines.Length);
        Assert.Equal("896 problems were found:", lines[0]);
        Assert.Equal("- and 876 more", lines[^1]);
        Assert.Equal(896, exception.Problems.Count);
    }

    [Theory]
    [InlineData("x\u001B[2J\a", @"x\u001B[2J\u0007")]
    [InlineData("a\u202Eb\u2028c\u009B", @"a\u202Eb\u2028c\u009B")]
    [InlineData("line\nend\t", @"line\u000Aend\u0009")]
    [InlineData("été 語 👍", "été 語 👍")]
    public void What_would_steer_a_terminal_is_shown_as_its_code(string name, string shown) =>
        Assert.Contains($"'{shown}'", new LoraProblem(LoraError.PathNotFound, name, name).Message, StringComparison.Ordinal);

    [Fact]
    public void Very_long_text_is_cut_in_messages()
    {
        string message = new LoraProblem(LoraError.PathNotFound, "x", new string('x', 1_000_000)).Message;
        Assert.InRange(message.Length, 4000, 4100);
        Assert.EndsWith("characters more)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_problems_are_reported_in_one_exception()
    {
        LoraException exception = LoraException.Of(
            new LoraProblem(LoraError.PathNotFound, "a", "a"),
            new LoraProblem(LoraError.PathNotFound, "b", "b"));

        Assert.Equal(LoraError.PathNotFound, exception.Error);
        Assert.Equal(2, exception.Problems.Count);
        Assert.Contains("'a'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("'b'", exception.Message, StringComparison.Ordinal);
    }
}
