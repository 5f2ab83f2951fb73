using System.Management.Automation;

namespace Lora.Commands.Tests.Common;

public sealed class ErrorRecordTests
{
    [Fact]
    public void Every_failure_of_the_engine_has_a_category_that_says_something() => Assert.All(
        Enum.GetValues<LoraError>(),
        error => Assert.NotEqual(ErrorCategory.NotSpecified, ErrorCategories.Of(error)));

    [Fact]
    public void The_id_is_made_from_the_failure_and_carries_what_the_user_named_and_what_to_do()
    {
        LoraException exception = LoraException.Of(LoraError.PathNotFound, "./model", "./model");
        ErrorRecord record = ErrorRecords.Of(exception);

        Assert.Equal("LoraPathNotFound", record.FullyQualifiedErrorId);
        Assert.Equal(ErrorCategory.ObjectNotFound, record.CategoryInfo.Category);
        Assert.Equal("./model", record.TargetObject);
        Assert.Same(exception, record.Exception);
        Assert.Equal(exception.Problem.Advice, record.ErrorDetails.RecommendedAction);
    }

    [Fact]
    public void Several_problems_are_one_record_that_lists_them_all_and_repeats_no_advice()
    {
        ErrorRecord record = ErrorRecords.Of(LoraException.Of(
            new LoraProblem(LoraError.PathNotFound, "a", "a"),
            new LoraProblem(LoraError.PathNotFound, "b", "b")));

        Assert.Contains("'a'", record.ErrorDetails.Message, StringComparison.Ordinal);
        Assert.Contains("'b'", record.ErrorDetails.Message, StringComparison.Ordinal);
        Assert.Equal(new LoraProblem(LoraError.PathNotFound, "a", "a").Advice, record.ErrorDetails.RecommendedAction);
    }
}
