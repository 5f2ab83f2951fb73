namespace Lora.Tests.Errors;

public class MessagesTests
{
    [Fact]
    public void Every_error_has_a_message_and_an_advice()
    {
        foreach (LoraError error in Enum.GetValues<LoraError>())
        {
            LoraProblem problem = new(error, "target", "a", "b", "c", "d");
            Assert.NotEmpty(problem.Message);
            Assert.NotEmpty(problem.Advice);
        }
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
