using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>Several validation sets beside each other, each held to a run that has it alone.</summary>
public class ValidationSetTests
{
    private static readonly ValidationSet General = new("general", [ExampleRun.DataFile("train")]);
    private static readonly ValidationSet Task = new("task", [ExampleRun.DataFile("validation")]);

    [Fact]
    public void Each_set_has_the_evaluation_that_it_has_alone()
    {
        LoraTrainingResult both = Train([General, Task]);
        LoraTrainingResult general = Train([General]);
        LoraTrainingResult task = Train([Task]);

        Assert.Equal([("general", 0), ("task", 0), ("general", 4), ("task", 4)], both.Evaluation.Select(evaluation => (evaluation.Name, evaluation.Step)));
        Assert.Equal([general.Before, task.Before, general.After, task.After], both.Evaluation);
        Assert.Equal((general.Before, general.After), (both.Before, both.After));
        Assert.NotEqual(general.Before!.SupervisedToken, task.Before!.SupervisedToken);
    }

    [Fact]
    public void Paths_without_a_name_are_one_set_under_their_files_names()
    {
        ValidationSet together = ValidationSet.Of([.. General.Paths, .. Task.Paths]);
        LoraTrainingResult result = Train([together]);
        LoraTrainingResult both = Train([General, Task]);

        LoraEvaluation before = result.Before!;
        Assert.Equal("animal-notes.train.jsonl + animal-notes.validation.jsonl", before.Name);
        LoraEvaluation[] parts = [.. both.Evaluation.Where(evaluation => evaluation.Step == 0)];
        Assert.Equal(parts.Sum(part => part.SupervisedToken), before.SupervisedToken);
        Assert.Equal(parts.Sum(part => part.Loss * part.SupervisedToken) / before.SupervisedToken, before.Loss, 1e-6);
        Assert.Equal(parts.Sum(part => part.Accuracy * part.SupervisedToken) / before.SupervisedToken, before.Accuracy, 1e-9);
    }

    [Fact]
    public void Training_makes_more_tokens_the_likeliest()
    {
        LoraTrainingResult result = Train([Task], steps: 30);

        Assert.InRange(result.Before!.Accuracy, 0, 1);
        Assert.InRange(result.After!.Accuracy, result.Before.Accuracy + 0.1, 1);
    }

    [Fact]
    public void Names_that_cannot_be_are_found_before_any_work()
    {
        LoraException exception = Assert.Throws<LoraException>(() => Train([General, General with { Name = "GENERAL" }, new(" ", []), Task]));

        Assert.Equal([LoraError.ConfigValueInvalid, LoraError.ConfigValueInvalid], exception.Problems.Select(problem => problem.Error));
    }

    [Fact]
    public void Another_name_or_order_is_another_run_where_there_are_several()
    {
        string one = Identity([General, Task]);

        Assert.NotEqual(one, Identity([Task, General]));
        Assert.NotEqual(one, Identity([General with { Name = "other" }, Task]));
        Assert.Equal(Identity([Task]), Identity([Task with { Name = "other" }]));

        static string Identity(ValidationSet[] sets) =>
            RunIdentity.Of(ExampleRun.Model, "", ExampleRun.Config, null, new(ExampleRun.Data.Dataset, sets), new())["ValidationDataset"];
    }

    private static LoraTrainingResult Train(ValidationSet[] sets, int steps = 4)
    {
        using TrainingSession session = new();
        return session.Train(ExampleRun.Config, new(ExampleRun.Data.Dataset, sets), ExampleRun.Options with { MaxStep = steps }, new RecordingObserver());
    }
}
