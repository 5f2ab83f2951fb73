namespace Lora.Commands.Tests.Commands;

/// <summary>Test-LoraTarget, Compare-LoraConfig and Get-LoraAdapter: what is told before anything is loaded.</summary>
public sealed class SelectionCommandTests : IClassFixture<HostedShell>, IDisposable
{
    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public SelectionCommandTests(HostedShell shell) => this.shell = files.Share(shell);

    public void Dispose() => files.Dispose();

    [Fact]
    public void Piped_modules_are_told_one_by_one_in_their_order()
    {
        ShellResult result = shell.Run("Get-LoraModule $model -Include '**.0.self_attn.*' | Test-LoraTarget (New-LoraConfig -TargetModule q_proj, o_proj)").Succeeded();

        Assert.Equal([true, false, false, true], result.Output.Select(value => ((LoraTargetInfo)value.BaseObject).Targeted));
    }

    [Fact]
    public void The_entries_of_a_configuration_are_counted()
    {
        ShellResult result = shell.Run("Test-LoraTarget (New-LoraConfig -TargetModule q_proj, nothing) -Model $model -Entry | ForEach-Object { \"$($_.Entry) $($_.Hits)\" }");

        Assert.Equal(["q_proj 4", "nothing 0"], result.Texts);
        Assert.Contains("'nothing'", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Get-LoraModule $model -Include 'model.*.q_proj'", "'model.**.q_proj' does")]
    [InlineData("Get-LoraModule $model | New-LoraConfig -Exclude 'layers.3.*'", "'**.layers.3.**' does")]
    [InlineData("Test-LoraTarget (New-LoraConfig -TargetModule lm_head) -Model $model", "shares its weight")]
    [InlineData("New-LoraConfig -TargetModule lm_head -Model $model | Invoke-LoraTraining -Dataset $train -MaxStep 1", "shares its weight")]
    public void What_was_probably_not_meant_is_warned_of(string script, string said) =>
        Assert.Contains(said, Assert.Single(shell.Run(script).Succeeded().Warnings), StringComparison.Ordinal);

    [Fact]
    public void An_unmatched_target_is_an_error_and_a_warning_when_it_is_allowed()
    {
        Assert.Equal("LoraTargetNotFound,Lora.Commands.NewLoraConfigCommand", shell.Run("New-LoraConfig -TargetModule q_proj, nothing -Model $model").ErrorIds.Single());
        Assert.Single(shell.Run("New-LoraConfig -TargetModule q_proj, nothing -Model $model -AllowUnmatched").Succeeded().Warnings);
    }

    [Fact]
    public void Two_configurations_are_compared_on_the_model_that_they_know()
    {
        ShellResult result = shell.Run(
            "$a = Get-LoraModule $model -Include '*_proj' | New-LoraConfig; Get-LoraModule $model -Include '*_proj' | New-LoraConfig -Exclude '**.3.mlp.**' | Compare-LoraConfig $a").Succeeded();

        Assert.Equal(3, result.Output.Count);
        Assert.All(result.Output, difference => Assert.Equal("<=", ((LoraConfigDifference)difference.BaseObject).SideIndicator));
    }

    [Fact]
    public void A_summary_of_a_comparison_counts_modules_and_bytes()
    {
        ShellResult result = shell.Run(
            "$q = New-LoraConfig -Model $model -TargetModule q_proj -Rank 8; New-LoraConfig -Model $model -TargetModule q_proj -Rank 4 | Compare-LoraConfig $q -Summary").Succeeded();

        LoraConfigComparison comparison = (LoraConfigComparison)result.Output.Single().BaseObject;
        Assert.Equal((4, 0), (comparison.DifferenceCount, comparison.EqualCount));
        Assert.Equal(comparison.ReferenceByte, 2 * comparison.DifferenceByte);
    }

    [Theory]
    [InlineData("Test-LoraTarget ([Lora.LoraConfig]@{ TargetModule = 'q_proj' }) -Model $model -Quiet", true)]
    [InlineData("Get-LoraModule $model -Include q_proj, o_proj | Test-LoraTarget ([Lora.LoraConfig]@{ TargetModule = 'q_proj' }) -Quiet", true)]
    [InlineData("Get-LoraModule $model -Include o_proj | Test-LoraTarget ([Lora.LoraConfig]@{ TargetModule = 'q_proj' }) -Quiet", false)]
    [InlineData("Test-LoraTarget ([Lora.LoraConfig]@{ TargetModule = 'nothing' }) -Model $model -Quiet", false)]
    public void Quiet_answers_with_one_Boolean(string script, bool answer) =>
        Assert.Equal(answer, shell.Run(script + " 3>$null").Output.Single().BaseObject);

    [Fact]
    public void Without_a_model_a_comparison_says_what_is_missing() => Assert.Equal(
        "LoraModelNotKnown,Lora.Commands.CompareLoraConfigCommand",
        shell.Run("Compare-LoraConfig (New-LoraConfig -TargetModule a) (New-LoraConfig -TargetModule b)").ErrorIds.Single());

    [Fact]
    public void Training_goes_on_from_an_adapter_that_was_exported()
    {
        ShellResult result = shell.Run(
            """
            $first = Get-LoraModule $model -Include q_proj | New-LoraConfig -Rank 2 | Invoke-LoraTraining -Dataset $train -ValidationDataset $validation -MaxStep 5 -LearningRate 1e-2
            $first | Export-LoraAdapter $output/adapter
            $again = Get-LoraAdapter $output/adapter | Invoke-LoraTraining -Model $model -Dataset $train -ValidationDataset $validation -MaxStep 1
            $first.After.Loss, $again.Before.Loss
            """).Succeeded();

        Assert.Equal(result.Output[0].BaseObject, result.Output[1].BaseObject);
    }

    [Fact]
    public void A_result_that_was_written_is_gone_on_from_and_its_folder_is_not_written_again()
    {
        ShellResult result = shell.Run(
            """
            $first = Get-LoraModule $model -Include q_proj | New-LoraConfig -Rank 2 |
                Invoke-LoraTraining -Dataset $train -ValidationDataset $validation -MaxStep 5 -LearningRate 1e-2 -OutputPath $output/adapter
            $again = $first | Invoke-LoraTraining -Dataset $train -ValidationDataset $validation -MaxStep 1
            $first.After.Loss, $again.Before.Loss, $again.AdapterPath
            """).Succeeded();

        Assert.Equal(result.Output[0].BaseObject, result.Output[1].BaseObject);
        Assert.Null(result.Output[2]);
    }

    [Fact]
    public void An_adapter_is_described_with_norms_on_demand()
    {
        shell.Run("Get-LoraModule $model -Include q_proj | New-LoraConfig -Rank 2 | Invoke-LoraTraining -Dataset $train -MaxStep 1 | Export-LoraAdapter $output/adapter").Succeeded();
        LoraAdapterInfo plain = (LoraAdapterInfo)shell.Run("Get-LoraAdapter $output/*").Succeeded().Output.Single().BaseObject;
        LoraAdapterInfo detailed = (LoraAdapterInfo)shell.Run("Get-LoraAdapter -LiteralPath $output/adapter -Detailed").Succeeded().Output.Single().BaseObject;

        Assert.All(plain.Module, module => Assert.Null(module.Norm));
        Assert.All(detailed.Module, module => Assert.True(module.Norm > 0));
    }

    [Fact]
    public void A_folder_that_is_no_adapter_is_reported_and_the_next_one_follows()
    {
        shell.Run("Get-LoraModule $model -Include q_proj | New-LoraConfig -Rank 2 | Invoke-LoraTraining -Dataset $train -MaxStep 1 | Export-LoraAdapter $output/adapter").Succeeded();
        ShellResult result = shell.Run("Get-LoraAdapter $model, $output/adapter");

        Assert.Equal("LoraNotAnAdapter,Lora.Commands.GetLoraAdapterCommand", result.ErrorIds.Single());
        Assert.Single(result.Output);
    }
}
