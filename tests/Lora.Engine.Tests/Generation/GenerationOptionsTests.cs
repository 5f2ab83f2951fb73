namespace Lora.Tests.Generation;

public class GenerationOptionsTests
{
    [Fact]
    public void Every_value_that_cannot_be_is_found_at_once()
    {
        GenerationOptions options = new() { MaxToken = 0, Temperature = -1, TopK = 0, TopP = 0, MinP = 2, RepetitionPenalty = 0, BatchSize = 0, Stop = ["x", ""] };

        Assert.Equal(
            ["MaxToken", "Temperature", "TopK", "TopP", "MinP", "RepetitionPenalty", "BatchSize", "Stop"],
            options.Check().Select(problem => (string)problem.Target!));
    }

    [Fact]
    public void What_narrows_a_choice_that_there_is_not_is_refused()
    {
        LoraProblem problem = Assert.Single(new GenerationOptions { Temperature = 0, TopP = 0.9 }.Check());
        Assert.Equal(LoraError.ConfigConflict, problem.Error);
    }

    [Theory]
    [InlineData(null, null, 0)]
    [InlineData(null, 0.9, 1)]
    [InlineData(0.7, 0.9, 0.7)]
    public void Without_a_temperature_it_is_one_where_the_choice_is_narrowed_and_else_nought(double? temperature, double? topP, double expected)
    {
        GenerationOptions options = new() { Temperature = temperature, TopP = topP };
        Assert.Empty(options.Check());
        Assert.Equal(expected, options.Heat);
    }
}
