namespace Lora.Tests.Data;

public sealed class DataOptionsTests
{
    [Fact]
    public void Names_that_no_column_and_no_role_has_are_found_before_any_work()
    {
        DataOptions options = new()
        {
            Column = new([new("promt", "a"), new("text", "b"), new("answer", "B"), new("rejected", "c")]),
            DatasetRole = new([new("narrator", "system"), new("chorus", "singer")]),
        };
        string[] problems = [.. options.Check().Select(problem => problem.Message)];
        Assert.Equal(4, problems.Length);
        Assert.Contains("A name on the left of Column is 'promt'; expected is 'prompt' or another of messages, ", problems[0], StringComparison.Ordinal);
        Assert.Contains("Column is 'rejected'", problems[1], StringComparison.Ordinal);
        Assert.Contains("expected is another column for each name", problems[2], StringComparison.Ordinal);
        Assert.Contains("DatasetRole 'chorus' is 'singer'; expected is system, user, assistant or tool", problems[3], StringComparison.Ordinal);
    }

    [Fact]
    public void Options_with_the_same_names_are_equal()
    {
        DataOptions one = new() { Column = new([new("prompt", "a"), new("completion", "b")]) }, other = new() { Column = new([new("Completion", "b"), new("prompt", "a")]) };
        Assert.Equal(one, other);
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
        Assert.NotEqual(one, new() { Column = new([new("prompt", "a")]) });
        Assert.Equal("completion = b; prompt = a", one.Column.ToString());
    }

    [Fact]
    public void A_name_that_stands_twice_is_an_error() =>
        Assert.Equal(LoraError.ConfigValueInvalid, Assert.Throws<LoraException>(() => new NameDictionary([new("a", "b"), new("A", "c")])).Error);
}
