using System.Management.Automation;

namespace Lora.Commands.Tests.Commands;

public sealed class MeasureLoraAdapterTests : IClassFixture<HostedShell>, IClassFixture<ExampleFolder>
{
    // Trained once for all tests of the class.
    private const string Train = """
        $results ??= 2, 4 | ForEach-Object { New-LoraConfig -Model $model -TargetModule q_proj, down_proj -Rank $_ } |
            Invoke-LoraTraining -Dataset $train -ValidationDataset $validation -MaxStep 5 -LearningRate 1e-2 -OutputPath { "$output/rank$($_.Rank)" }
        """;

    private const string Measure = "Measure-LoraAdapter -Dataset $validation";

    private readonly HostedShell shell;
    private readonly ExampleFolder files;

    public MeasureLoraAdapterTests(HostedShell shell, ExampleFolder files)
    {
        this.files = files;
        this.shell = files.Share(shell);
    }

    [Theory]
    [InlineData("$results | " + Measure)]
    [InlineData("$results.Adapter | " + Measure)]
    [InlineData("Get-LoraAdapter $output/rank2, $output/rank4 | " + Measure + " -Model $model")]
    [InlineData("\"$output/rank2\", \"$output/rank4\" | " + Measure + " -Model $model")]
    [InlineData("$results.Adapter | ForEach-Object { $i = 1 } { $i *= 2; Export-LoraAdapter -Adapter $_ $output/again$i -PassThru } | " + Measure + " -Model $model")]
    public void Each_adapter_is_one_measurement_however_it_is_piped(string script)
    {
        ShellResult result = shell.Run($"{Train}\n$results\n{script}").Succeeded();

        LoraTrainingResult[] trained = [.. result.Output.Select(value => value.BaseObject).OfType<LoraTrainingResult>()];
        LoraMeasurement[] measured = [.. result.Output.Select(value => value.BaseObject).OfType<LoraMeasurement>()];
        Assert.Equal(trained.Select(one => Math.Round(one.After!.Loss, 5)), measured.Select(one => Math.Round(one.Loss, 5)));
        Assert.All(measured, one => Assert.Equal(trained[0].Before!.Loss, one.BaseLoss, 5));
        Assert.Empty(result.Warnings);
    }

    [Fact]
    public void Blocks_and_modules_are_switched_off_and_adapters_measured_together()
    {
        LoraMeasurement[] measured = Measured($"""
            {Train}
            $results[0] | {Measure} -EachLayer
            $results[0] | {Measure} -Include q_proj -Exclude '**.0.**'
            $results | {Measure} -Together -Prompt 'Once' -PromptToken 3
            """);

        Assert.Equal(["model.layers.0", "model.layers.1", "model.layers.2", "model.layers.3"], measured.Take(4).Select(one => one.Without));
        Assert.All(measured.Take(4), one => Assert.NotNull(one.LossRise));
        Assert.Equal(3, measured[4].ModuleCount);
        Assert.Contains(" + ", measured[5].Name, StringComparison.Ordinal);
        Assert.NotEmpty(measured[5].Sample.Single().Adapted);
    }

    [Fact]
    public void A_measurement_goes_on_into_other_commands()
    {
        ShellResult result = shell.Run(
            $"{Train}; $results[0] | {Measure} | Where-Object LossChange -lt 0 | Export-LoraAdapter $output/best; $results[0] | {Measure} | Invoke-LoraTraining -Dataset $train -MaxStep 1").Succeeded();

        Assert.IsType<LoraTrainingResult>(result.Output.Single().BaseObject);
        Assert.True(File.Exists(files.File("best/adapter_model.safetensors")));
    }

    [Fact]
    public void An_adapter_that_cannot_be_measured_is_an_error_of_its_own()
    {
        ShellResult result = shell.Run($"{Train}; \"$output/none\", \"$output/rank2\" | {Measure} -Model $model; [Lora.LoraAdapter]::new() | {Measure}");

        Assert.Equal(["LoraPathNotFound,Lora.Commands.MeasureLoraAdapterCommand", "LoraModelNotKnown,Lora.Commands.MeasureLoraAdapterCommand"], result.ErrorIds);
        Assert.Single(result.Output);
    }

    [Theory]
    [InlineData("-Dataset $output/none.jsonl", "LoraPathNotFound")]
    [InlineData("-Dataset $validation -Model $output/none", "LoraPathNotFound")]
    [InlineData("-Dataset $validation -Include a/b", "LoraPatternInvalid")]
    [InlineData("-Dataset $validation -Device cuda:99", "LoraDeviceUnavailable")]
    public void What_cannot_be_used_ends_the_command_before_any_adapter(string parameters, string id)
    {
        ShellResult result = shell.Run($"{Train}; $results | Measure-LoraAdapter {parameters}");

        Assert.Equal($"{id},Lora.Commands.MeasureLoraAdapterCommand", result.ErrorIds.Single());
        Assert.Empty(result.Output);
    }

    [Fact]
    public void A_pattern_that_hits_nothing_is_warned_of() => Assert.Contains(
        "'v_proj'", Assert.Single(shell.Run($"{Train}; $results[0] | {Measure} -Exclude v_proj").Succeeded().Warnings), StringComparison.Ordinal);

    [Fact]
    public void The_table_of_whole_adapters_has_perplexity_and_accuracy_beside_the_loss()
    {
        string shown = shell.Show($"{Train}; $results[0] | {Measure}; Measure-LoraAdapter -Model $model -Dataset $validation");

        Assert.Matches("Name +Loss +LossChange +Score +Accuracy", shown);
        Assert.Matches(@"\d\.\d{4} +-\d\.\d{4} +perplexity [\d.,]+ +\d+\.\d%", shown);
        Assert.Matches(@"\d\.\d{4} +0\.0000 +perplexity [\d.,]+ +\d+\.\d%", shown);
    }

    [Fact]
    public void Progress_runs_to_completed()
    {
        ShellResult result = shell.Run($"{Train}; $results[0] | {Measure} -EachLayer -BatchSize 1").Succeeded();
        ProgressRecord[] records = [.. result.Progress.Where(record => record.Activity.StartsWith("Measuring", StringComparison.Ordinal))];

        Assert.Contains(records, record => record.PercentComplete == 100);
        Assert.Equal(ProgressRecordType.Completed, records[^1].RecordType);
    }

    [Fact]
    public void Stopping_ends_within_a_batch()
    {
        shell.Run(Train).Succeeded();
        using ManualResetEvent begun = new(initialState: false);
        shell.With("begun", begun);
        ShellResult result = shell.RunAndStop($"1..1000 | ForEach-Object {{ $results[0] }} | {Measure} | ForEach-Object {{ [void]$begun.Set(); $_ }}", begun);

        Assert.Equal(PSInvocationState.Stopped, result.State);
        Assert.InRange(result.Output.Count, 1, 999);
    }

    [Fact]
    public void The_table_shows_what_each_part_is_worth()
    {
        string shown = shell.Show($"{Train}; $results[0] | {Measure} -EachLayer");

        Assert.Matches("Name +Without +Loss +LossChange +LossRise", shown);
        Assert.Matches(@"model\.layers\.3 +\d\.\d{4} +[+-]?\d\.\d{4}", shown);
    }

    private LoraMeasurement[] Measured(string script) => [.. shell.Run(script).Succeeded().Output.Select(value => (LoraMeasurement)value.BaseObject)];
}
