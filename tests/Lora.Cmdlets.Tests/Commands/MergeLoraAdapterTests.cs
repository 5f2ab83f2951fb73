using System.Management.Automation;

namespace Lora.Commands.Tests.Commands;

/// <summary>Merge-LoraAdapter takes adapters in every form in which a pipeline has them and gives one.</summary>
public sealed class MergeLoraAdapterTests : IClassFixture<HostedShell>, IClassFixture<ExampleFolder>, IDisposable
{
    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public MergeLoraAdapterTests(HostedShell shell, ExampleFolder trained)
    {
        // Once for the class, in a folder of which each test has a copy.
        trained.Share(shell).Run("""
            $results ??= 2, 4 | ForEach-Object { $rank = $_; Get-LoraModule $model -Include q_proj | New-LoraConfig -Rank $rank } |
                Invoke-LoraTraining -Dataset $train -MaxStep 2 -LearningRate 1e-2 -OutputPath { "$output/rank$($_.Rank)" }
            """).Succeeded();
        files.Fill(trained);
        this.shell = files.Share(shell);
    }

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("Merge-LoraAdapter $output/rank2, $output/rank4")]
    [InlineData("Merge-LoraAdapter $output/rank*")]
    [InlineData("Merge-LoraAdapter -LiteralPath $output/rank2, $output/rank4")]
    [InlineData("\"$output/rank2\", \"$output/rank4\" | Merge-LoraAdapter")]
    [InlineData("[IO.DirectoryInfo]::new(\"$output/rank2\"), [IO.DirectoryInfo]::new(\"$output/rank4\") | Merge-LoraAdapter")]
    [InlineData("Get-LoraAdapter $output/rank* | Merge-LoraAdapter")]
    [InlineData("$results | Merge-LoraAdapter")]
    [InlineData("$results.Adapter | Merge-LoraAdapter")]
    [InlineData("Merge-LoraAdapter -Adapter $results[0].Adapter, $results[1].Adapter")]
    public void Adapters_come_as_folders_as_descriptions_as_results_and_as_themselves(string script)
    {
        ShellResult result = shell.Run(script).Succeeded();

        LoraAdapter merged = (LoraAdapter)Assert.Single(result.Output).BaseObject;
        Assert.Equal(6, merged.Config.Rank);
        Assert.Equal(1, merged.Config.ScalingOf(merged.Config.Rank, merged.Config.Alpha));
        Assert.Empty(result.Warnings);
    }

    [Fact]
    public void The_result_is_exported_and_trained_further()
    {
        ShellResult result = shell.Run(
            """
            Merge-LoraAdapter $output/rank2, $output/rank4 -Weight 0.7, 0.3 | Export-LoraAdapter $output/merged
            $again = Get-LoraAdapter $output/merged | Invoke-LoraTraining -Model $model -Dataset $train -ValidationDataset $validation -MaxStep 1
            $again.Before.Loss
            """).Succeeded();

        Assert.True((double)Assert.Single(result.Output).BaseObject > 0);
    }

    [Fact]
    public void One_adapter_with_the_weight_one_computes_what_it_did()
    {
        ShellResult result = shell.Run(
            """
            $options = @{ Model = $model; Dataset = $train; ValidationDataset = $validation; MaxStep = 1 }
            Merge-LoraAdapter $output/rank4 -Method Svd | Export-LoraAdapter $output/alone
            (Get-LoraAdapter $output/rank4 | Invoke-LoraTraining @options).Before.Loss
            (Get-LoraAdapter $output/alone | Invoke-LoraTraining @options).Before.Loss
            """).Succeeded();

        Assert.Equal((double)result.Output[0].BaseObject, (double)result.Output[1].BaseObject, 1e-5);
    }

    [Fact]
    public void Every_adapter_that_cannot_be_read_is_said_and_none_is_left_out()
    {
        ShellResult result = shell.Run("Merge-LoraAdapter $model, $output/rank2, $output/nowhere");

        ErrorRecord error = Assert.Single(result.Errors);
        Assert.Equal("LoraNotAnAdapter,Lora.Commands.MergeLoraAdapterCommand", error.FullyQualifiedErrorId);
        Assert.Equal(2, ((LoraException)error.Exception).Problems.Count);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void Everything_that_keeps_adapters_apart_is_said_together()
    {
        ErrorRecord error = Assert.Single(shell.Run("Merge-LoraAdapter $output/rank* -Method Ties -Weight 1, 2, 3").Errors);

        Assert.Equal("LoraCombinationRefused,Lora.Commands.MergeLoraAdapterCommand", error.FullyQualifiedErrorId);
        Assert.Equal(ErrorCategory.InvalidArgument, error.CategoryInfo.Category);
        string[] expected = ["3 weights for 2", "needs a density", "equal ranks", " more."]; // one line for all modules whose ranks differ
        Assert.All(expected, text => Assert.Contains(text, error.ErrorDetails.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Other_base_models_are_warned_of()
    {
        string config = File.ReadAllText(files.File("rank4/adapter_config.json"));
        files.Write("rank4/adapter_config.json", config.Replace(ExampleFolder.Model, "another/model", StringComparison.Ordinal));

        ShellResult result = shell.Run("Merge-LoraAdapter $output/rank*").Succeeded();

        Assert.Contains("'another/model'", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.Single(result.Output);
    }

    [Fact]
    public void Methods_are_completed_and_the_bar_is_taken_away()
    {
        Assert.Contains("TiesSvd", shell.Complete("Merge-LoraAdapter ./a -Method Ti"));
        Assert.Equal(ProgressRecordType.Completed, shell.Run("Merge-LoraAdapter $output/rank*").Succeeded().Progress[^1].RecordType);
    }
}
