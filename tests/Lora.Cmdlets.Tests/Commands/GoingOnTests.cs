namespace Lora.Commands.Tests.Commands;

/// <summary>What Invoke-LoraTraining goes on from, and what it begins anew with, by what is piped into it.</summary>
public sealed class GoingOnTests : IClassFixture<HostedShell>, IDisposable
{
    // Trained once for all tests of the class: what goes on from it leaves it as it is.
    private const string First = """
        $first ??= Get-LoraModule $model -Include q_proj | New-LoraConfig -Rank 2 -Initialization pissa |
            Invoke-LoraTraining -Dataset $train -ValidationDataset $validation -MaxStep 5 -LearningRate 1e-2
        """;

    private const string Again = "Invoke-LoraTraining -Dataset $train -ValidationDataset $validation -MaxStep 1";

    // The start is taken off by other operations once the adapter is converted.
    private const double Rounding = 1e-5;

    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public GoingOnTests(HostedShell shell) => this.shell = files.Share(shell);

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("$first | " + Again)]
    [InlineData("$first.Adapter | " + Again)]
    [InlineData("Invoke-LoraTraining -Adapter $first.Adapter -Dataset $train -ValidationDataset $validation -MaxStep 1")]
    [InlineData("$first, $first | " + Again + " | ForEach-Object { $_ }")]
    [InlineData("$first | " + Again + " -Model $model -OutputPath { \"$output/rank$($_.Config.Rank)\" }")]
    [InlineData("$first | Export-LoraAdapter $output/adapter; Get-LoraAdapter $output/adapter | " + Again + " -Model $model")]
    [InlineData("$first | Export-LoraAdapter $output/adapter; $first.Adapter.Config | " + Again + " -Adapter $output/adapter")]
    [InlineData("Invoke-LoraTraining -Config $first.Adapter -Adapter $first -Dataset $train -ValidationDataset $validation -MaxStep 1")]
    [InlineData("$first | " + Again + " -Config $first.Adapter")]
    [InlineData("Invoke-LoraTraining $first -Dataset $train -ValidationDataset $validation -MaxStep 1")]
    [InlineData("$first | Export-LoraAdapter $output/adapter; Get-LoraAdapter $output/adapter | " + Again)]
    [InlineData("$first | Export-LoraAdapter $output/adapter; Invoke-LoraTraining $output/adapter -Dataset $train -ValidationDataset $validation -MaxStep 1")]
    public void An_adapter_is_gone_on_with(string script)
    {
        (LoraTrainingResult first, LoraTrainingResult[] again) = Run(script);

        Assert.All(again, result => Assert.Equal(first.After!.Loss, result.Before!.Loss, Rounding));
    }

    [Theory]
    [InlineData("$first.Config | " + Again)]
    [InlineData("Invoke-LoraTraining $first.Config -Dataset $train -ValidationDataset $validation -MaxStep 1")]
    [InlineData("$first.Adapter.Config | " + Again)]
    [InlineData("Invoke-LoraTraining -Config $first -Dataset $train -ValidationDataset $validation -MaxStep 1")]
    public void A_configuration_begins_anew(string script)
    {
        (LoraTrainingResult first, LoraTrainingResult[] again) = Run(script);

        Assert.Equal(first.Before!.Loss, Assert.Single(again).Before!.Loss, Rounding);
    }

    [Fact]
    public void Adapters_and_configurations_of_one_pipeline_are_each_taken_for_what_they_are()
    {
        (LoraTrainingResult first, LoraTrainingResult[] again) = Run($"$first.Config, $first, $first.Config, $first.Adapter | {Again}");

        Assert.Equal([false, true, false, true], again.Select(result => Math.Abs(result.Before!.Loss - first.After!.Loss) < Rounding));
    }

    [Theory]
    [InlineData("$first | " + Again + " -Adapter $first")]
    [InlineData("$first.Config | " + Again + " -Config $first")]
    public void Two_adapters_or_two_configurations_exclude_each_other(string script) =>
        Assert.Equal("LoraConfigConflict,Lora.Commands.InvokeLoraTrainingCommand", shell.Run($"{First}; {script}").ErrorIds.Single());

    [Fact]
    public void A_run_that_nothing_keeps_is_told_of_when_it_begins()
    {
        ShellResult result = shell.Run($"{First}; $first | {Again} -Verbose 4>&1 | ForEach-Object {{ \"$_\" }}").Succeeded();

        Assert.Contains(result.Texts, text => text.Contains("-OutputPath", StringComparison.Ordinal));
    }

    private (LoraTrainingResult First, LoraTrainingResult[] Again) Run(string script)
    {
        ShellResult result = shell.Run($"{First}\n$first\n{script}").Succeeded();
        Assert.Empty(result.Warnings);
        LoraTrainingResult[] all = [.. result.Output.Select(value => (LoraTrainingResult)value.BaseObject)];
        return (all[0], all[1..]);
    }
}
