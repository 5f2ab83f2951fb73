namespace Lora.Commands.Tests.Commands;

/// <summary>Rows as objects of the pipeline, in place of files.</summary>
public sealed class PipelineRowsTests : IClassFixture<HostedShell>, IDisposable
{
    private const string Config = """
        $c = New-LoraConfig -Model $model -TargetModule q_proj -Rank 2
        $rows = [pscustomobject]@{ prompt = 'What is a fox?'; completion = ' Note: fox, "red".' }, [pscustomobject]@{ prompt = 'And a hare?'; completion = ' Quick.' }
        """;

    private const string Train = "Invoke-LoraTraining -Config $c -MaxStep 2 -BatchSize 2";

    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public PipelineRowsTests(HostedShell shell)
    {
        this.shell = files.Share(shell);
        files.Write("rows.jsonl", """
            {"prompt":"What is a fox?","completion":" Note: fox, \"red\"."}
            {"prompt":"And a hare?","completion":" Quick."}
            """);
    }

    public void Dispose() => files.Dispose();

    [Fact]
    public void They_train_as_the_same_rows_in_a_file_do()
    {
        ShellResult result = shell.Run($$"""
            {{Config}}
            $table = [System.Data.DataTable]::new()
            foreach ($name in 'prompt', 'completion') { [void] $table.Columns.Add($name) }
            foreach ($row in $rows) { [void] $table.Rows.Add($row.prompt, $row.completion) }
            $runs = @(
                {{Train}} -Dataset $output/rows.jsonl
                $rows | {{Train}}
                {{Train}} -InputObject $rows
                @(foreach ($row in $rows) { @{ prompt = $row.prompt; completion = $row.completion } }) | {{Train}}
                @(foreach ($row in $rows) { [ordered]@{ completion = $row.completion; prompt = $row.prompt } }) | {{Train}}
                $table.Rows | {{Train}}
                , $table.DefaultView[0] + $table.Rows[1] | {{Train}}
            )
            foreach ($run in $runs) { "$($run.History.Loss)" }
            """).Succeeded();

        Assert.Equal(7, result.Output.Count);
        Assert.Single(result.Output.Select(loss => loss.ToString()).Distinct());
    }

    [Fact]
    public void They_are_measured_on_as_the_same_rows_in_a_file_are()
    {
        ShellResult result = shell.Run($$"""
            {{Config}}
            $r = {{Train}} -Dataset $train
            ($r | Measure-LoraAdapter -Row $rows).Loss
            (Measure-LoraAdapter $r -Row $rows).Loss
            ($r | Measure-LoraAdapter -Dataset $output/rows.jsonl).Loss
            """).Succeeded();

        Assert.Equal(3, result.Output.Count);
        Assert.Single(result.Output.Select(loss => loss.BaseObject).Distinct());
    }

    [Theory]
    [InlineData("$c | Invoke-LoraTraining", "LoraDatasetNotGiven")]
    [InlineData("Invoke-LoraTraining -Config $c", "LoraDatasetNotGiven")]
    [InlineData("$rows | Invoke-LoraTraining", "LoraDatasetNotGiven")]
    [InlineData("$c | Invoke-LoraTraining -Config $c", "LoraConfigConflict")]
    [InlineData("@{ Rank = 2 } | Invoke-LoraTraining -Config $c", "LoraConfigConflict")]
    [InlineData("@{ r = 2; target_modules = 'q_proj' } | Invoke-LoraTraining -Config $c", "LoraConfigConflict")]
    [InlineData("[System.IO.FileInfo] $train | Invoke-LoraTraining -Config $c", "LoraConfigConflict")]
    [InlineData("$train | Invoke-LoraTraining -Config $c", "LoraConfigConflict")]
    [InlineData("$rows | Invoke-LoraTraining -Config $c -Dataset $train", "LoraConfigConflict")]
    [InlineData("1, 2 | Invoke-LoraTraining -Config $c", "LoraRowInvalid")]
    [InlineData("@{ text = 'a' }, @{ text = 5 } | Invoke-LoraTraining -Config $c", "LoraRowInvalid")]
    [InlineData("$rows | Invoke-LoraTraining -Config $c -DatasetWeight 2", "LoraConfigValueInvalid")]
    [InlineData("Invoke-LoraTraining $c -Dataset $train, $train -DatasetWeight 2", "LoraConfigValueInvalid")]
    [InlineData("Invoke-LoraTraining $c -Dataset $train, $train -DatasetWeight 2, 0", "LoraConfigValueInvalid")]
    [InlineData("Measure-LoraAdapter $model -Row 1, 2", "LoraRowInvalid")]
    [InlineData("Measure-LoraAdapter $model -Row $rows -Dataset $train", "LoraConfigConflict")]
    [InlineData("Measure-LoraAdapter $model", "LoraDatasetNotGiven")]
    [InlineData("Test-LoraDataset -Model $model", "LoraDatasetNotGiven")]
    [InlineData("Test-LoraDataset $train -Row $rows -Model $model", "LoraConfigConflict")]
    public void What_may_be_two_things_or_none_is_an_error_that_says_what_to_do(string script, string error) =>
        Assert.Equal(error, shell.Run($"{Config}\n{script}").ErrorIds.First().Split(',')[0]);

    [Fact]
    public void They_are_looked_at_as_the_same_rows_in_a_file_are()
    {
        ShellResult result = shell.Run($$"""
            {{Config}}
            foreach ($row in (Test-LoraDataset -Row $rows -Model $model), (Test-LoraDataset $output/rows.jsonl -Model $model)) { "$($row.Token)" }
            """).Succeeded();

        Assert.Equal(2, result.Output.Count);
        Assert.Single(result.Output.Select(tokens => tokens.ToString()).Distinct());
    }

    [Fact]
    public void Weights_say_how_often_an_epoch_has_the_rows_of_what_each_element_names()
    {
        files.Write("part1.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n");
        files.Write("part2.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n");
        files.Write("other.jsonl", "{\"text\":\"c\"}\n");
        ShellResult result = shell.Run($$"""
            {{Config}}
            $one = @{ Epoch = 1; BatchSize = 1; GradientAccumulation = 1 }
            (Invoke-LoraTraining $c -Dataset $output, $output/other.jsonl -DatasetWeight 1.5, 3 @one).History.Count
            (Invoke-LoraTraining $c -Dataset $output/part1.jsonl, $output/part2.jsonl @one).History.Count
            """).Succeeded();

        Assert.Equal([11 + 3, 4], result.Output.Select(count => count.BaseObject));
    }
}
