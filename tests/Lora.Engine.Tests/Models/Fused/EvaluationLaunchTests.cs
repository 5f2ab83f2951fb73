using Lora.Data;
using Lora.Models;
using Lora.Tools.Operators;

namespace Lora.Tests.Models;

/// <summary>
/// Evaluations on META, where nothing can be read: what is queued there whole waits for nothing, and what reads fails at its first wait, before which all has to be
/// queued. So each waits once, however many texts it has.
/// </summary>
public class EvaluationLaunchTests
{
    private static readonly TrainingExample[] Alike = [Text(11, 20, 21), Text(11, 30), Text(11, 20, 22, 23, 24, 25), Text(11, 40, 41, 42)];

    private static readonly TrainingExample[] Unlike = [Text(11, 20, 21), Text(2, 30), Text(30, 20, 22, 23, 24, 25)];

    public EvaluationLaunchTests() => Assert.SkipUnless(OperatorCounter.IsSupported, OperatorCounter.Reason ?? "");

    public static TheoryData<string> Families => StepLaunchTests.Families;

    [Theory]
    [MemberData(nameof(Families))]
    public void A_batch_is_read_when_all_of_it_is_queued(string family)
    {
        using MetaStep step = new(family, 2);
        step.Evaluated(40, 24); // angles are kept of as many places as were seen

        AssertOneWait(step.Evaluated(40, 24), step.UntilItWaits(engine => engine.SumLoss(step.BatchOf(40, 24), SupervisedRows.Of(step.BatchOf(40, 24)))));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Choices_are_read_when_all_of_them_are_queued(string family)
    {
        using MetaStep step = new(family, 2);

        foreach (TrainingExample[] texts in new[] { Alike, Unlike })
        {
            step.EvaluatedEach(texts);
            IReadOnlyList<LaunchedOperator> queued = step.EvaluatedEach(texts);
            Assert.Equal(texts.Length, queued.Count(launched => launched.Name == "aten::argmax")); // each has its loss and its hits
            AssertOneWait(queued, step.UntilItWaits(engine => engine.SumEach(texts)));
        }
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("gemma2")]
    public void So_are_those_of_autograd(string family)
    {
        using MetaStep step = new(family, 2, isByModules: true);

        foreach (TrainingExample[] texts in new[] { Alike, Unlike })
        {
            step.EvaluatedEach(texts);
            AssertOneWait(step.EvaluatedEach(texts), step.UntilItWaits(engine => engine.SumEach(texts)));
        }
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("gemma2")]
    public void A_choice_more_launches_as_much_as_each_before_it(string family)
    {
        using MetaStep step = new(family, 2);
        step.EvaluatedEach(Unlike);
        int[] counts = [.. Enumerable.Range(2, 3).Select(number => step.EvaluatedEach(Alike[..number]).Count)];

        Assert.Equal(counts[1] - counts[0], counts[2] - counts[1]);
    }

    private static void AssertOneWait(IReadOnlyList<LaunchedOperator> queued, IReadOnlyList<LaunchedOperator> untilItWaits)
    {
        string[] names = [.. untilItWaits.Select(launched => launched.Name)];

        Assert.Equal([.. queued.Select(launched => launched.Name), "aten::stack"], names.Take(queued.Count + 1));
        Assert.DoesNotContain("aten::_local_scalar_dense", names);
    }

    /// <summary>A question and an answer, whose tokens alone have labels.</summary>
    private static TrainingExample Text(int question, params int[] answer)
    {
        int[] asked = [.. Enumerable.Range(question == 11 ? 0 : question, question)];
        return new([.. asked, .. answer], [.. asked.Select(_ => TrainingExample.Unsupervised), .. answer], 1);
    }
}
