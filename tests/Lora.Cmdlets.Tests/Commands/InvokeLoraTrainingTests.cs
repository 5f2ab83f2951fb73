using System.Management.Automation;

namespace Lora.Commands.Tests.Commands;

public sealed class InvokeLoraTrainingTests : IClassFixture<HostedShell>, IDisposable
{
    private const string Config = "$c = Get-LoraModule $model -Include q_proj, down_proj | New-LoraConfig -Rank 4 -Alpha 8";
    private const string Train = "Invoke-LoraTraining -Dataset $train -MaxStep 3 -BatchSize 2";

    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public InvokeLoraTrainingTests(HostedShell shell) => this.shell = files.Share(shell);

    public void Dispose() => files.Dispose();

    [Fact]
    public void A_module_that_was_piped_past_New_LoraConfig_is_sent_there() => Assert.Contains(
        "of which New-LoraConfig makes one",
        Assert.Single(shell.Run("Get-LoraModule $model -Include '**.0.**.q_proj' | Invoke-LoraTraining -Dataset $train").Errors).Exception.Message,
        StringComparison.Ordinal);

    [Fact]
    public void It_trains_and_gives_one_result_with_history_evaluation_and_samples()
    {
        LoraTrainingResult result = Result($"{Config}; $c | {Train} -ValidationDataset $validation -Prompt 'Once' -PromptToken 4");

        Assert.Equal(LoraStopReason.Completed, result.StopReason);
        Assert.Equal([1, 2, 3], result.History.Select(step => step.Step));
        Assert.All(result.History, step => Assert.True(step.Loss > 0 && step.TokenPerSecond > 0 && step.SupervisedToken > 0 && step.GradientNorm > 0));
        Assert.True(result.Before!.Loss > result.After!.Loss);
        Assert.NotEmpty(result.Sample.Single().Base);
        Assert.Equal(8, result.ModuleCount);
        Assert.Equal(result.Adapter!.ParameterCount, result.TrainableParameter);
        Assert.True(result.PeakMemory > 0);
    }

    [Fact]
    public void Columns_of_other_names_are_read_as_they_are_said_to_be_and_what_is_read_is_told()
    {
        string path = files.Write("asked.csv", "ask;reply\nWho?;The fox.\n");
        ShellResult run = shell.Run($"{Config}; $c | Invoke-LoraTraining -Dataset '{path}' -MaxStep 1 -Column @{{ prompt = 'Ask'; completion = 'reply' }} -Verbose 4>&1");
        Assert.Empty(run.ErrorIds);
        Assert.Contains(run.Output, line => $"{line}".Contains("Read as prompts with their completions:", StringComparison.Ordinal));

        ShellResult missing = shell.Run($"{Config}; $c | Invoke-LoraTraining -Dataset $train -MaxStep 1 -Column @{{ question = 'ask' }}");
        Assert.Equal("LoraColumnMissing,Lora.Commands.InvokeLoraTrainingCommand", missing.ErrorIds.Single());
        ShellResult unknown = shell.Run($"{Config}; $c | Invoke-LoraTraining -Dataset $train -MaxStep 1 -Column @{{ questoin = 'ask' }} -DatasetRole @{{ chorus = 'singer' }}");
        Assert.Equal("LoraConfigValueInvalid,Lora.Commands.InvokeLoraTrainingCommand", unknown.ErrorIds.Single());
    }

    [Fact]
    public void Memory_is_planned_and_its_limit_is_held_or_refused()
    {
        LoraTrainingResult result = Result($"{Config}; $c | {Train} -Checkpointing Full -MemoryLimit 100GB -PrefixCache None -KeepFreedMemory");
        Assert.Equal(100L << 30, result.MemoryPlan!.Limit);
        Assert.True(result.MemoryPlan.RecomputedBlock > 0);

        ShellResult refused = shell.Run($"{Config}; $c | {Train} -MemoryLimit 10MB");
        Assert.Equal("LoraMemoryInsufficient,Lora.Commands.InvokeLoraTrainingCommand", refused.ErrorIds.Single());
    }

    [Fact]
    public void Float16_is_offered_trains_with_a_scaled_loss_and_is_named()
    {
        ShellResult run = shell.Run($"{Config}; $r = $c | {Train} -Device cpu -DataType Float16 -Verbose 4>&1; $r.History.LossScale; $r.Message; \"$r\"");
        ShellResult offered = shell.Run("(TabExpansion2 'Invoke-LoraTraining -DataType F').CompletionMatches.CompletionText");

        Assert.Empty(run.ErrorIds);
        Assert.Equal([65536.0, 65536.0, 65536.0], run.Output.Take(3).Select(value => value.BaseObject));
        Assert.Contains("in Float16 on cpu", run.Output[^1].ToString(), StringComparison.Ordinal);
        Assert.Contains("Attention by aten::_scaled_dot_product_flash_attention_for_cpu", run.Output.Select(value => value.ToString())); // what computes it, as -Verbose has it
        Assert.Equal(["Float16", "Float32"], offered.Output.Select(value => value.ToString()));
    }

    [Fact]
    public void A_stopped_run_is_resumed()
    {
        using ManualResetEvent begun = new(initialState: false);
        shell.With("begun", begun);
        string run = $"{Config}; $run = @{{ Dataset = $train; BatchSize = 2; MaxStep = 60; OutputPath = \"$output/resumed\"; SaveStep = 10 }}; $c | Invoke-LoraTraining @run";
        shell.RunAndStop($"{run} -PassThruStep | ForEach-Object {{ [void]$begun.Set(); $_ }}", begun);

        Assert.Equal("LoraRunUnfinished,Lora.Commands.InvokeLoraTrainingCommand", shell.Run(run).ErrorIds.Single());
        LoraTrainingResult resumed = Result($"{run} -Resume");

        Assert.Equal(60, resumed.History[^1].Step);
        Assert.True(resumed.History[0].Step > 1);
    }

    [Fact]
    public void On_a_base_in_4_bits_it_learns_nearly_as_well_and_gives_an_adapter_as_any_other()
    {
        LoraTrainingResult whole = Result($"{Config}; $c | {Train} -ValidationDataset $validation");
        LoraTrainingResult quantized = Result($"{Config}; $c | {Train} -ValidationDataset $validation -Quantization NF4");

        // The 4-bit base is another one, and not much worse.
        Assert.NotEqual(whole.Before!.Loss, quantized.Before!.Loss);
        Assert.InRange(quantized.Before.Loss - whole.Before.Loss, -0.1, 0.1);
        Assert.InRange(quantized.After!.Loss - whole.After!.Loss, -0.1, 0.1);
        Assert.True(quantized.After.Loss < quantized.Before.Loss);
        Assert.Equal(whole.Adapter!.ParameterCount, quantized.Adapter!.ParameterCount);
        Assert.True(quantized.MemoryPlan!.Weight < whole.MemoryPlan!.Weight);
    }

    [Fact]
    public void Training_a_4_bit_weight_whole_is_refused_before_anything_is_loaded()
    {
        ShellResult result = shell.Run(
            $"New-LoraConfig -Model $model -TargetModule q_proj -ModuleToSave up_proj | {Train} -Quantization NF4 -OutputPath $output/adapter");

        Assert.All(result.ErrorIds, id => Assert.Equal("LoraAdapterFeatureUnsupported,Lora.Commands.InvokeLoraTrainingCommand", id));
        Assert.NotEmpty(result.ErrorIds);
        Assert.Empty(Directory.GetFileSystemEntries(files.Output));
    }

    [Fact]
    public void Progress_runs_from_the_first_step_to_completed()
    {
        ShellResult result = shell.Run($"{Config}; $c | {Train}").Succeeded();

        Assert.Contains(result.Progress, record => record.PercentComplete == 100 && record.StatusDescription.Contains("loss", StringComparison.Ordinal));
        Assert.Equal(ProgressRecordType.Completed, result.Progress[^1].RecordType);
        Assert.Single(result.Progress.Select(record => record.ActivityId).Distinct());
    }

    [Fact]
    public void Several_configurations_train_one_after_another()
    {
        ShellResult result = shell.Run(
            $"{Config}; 2, 4 | ForEach-Object {{ $r = $_; Get-LoraModule $model -Include q_proj | New-LoraConfig -Rank $r }} | {Train}").Succeeded();

        Assert.Equal([2, 4], result.Output.Select(value => ((LoraTrainingResult)value.BaseObject).Config!.Rank));
    }

    [Theory]
    [InlineData("Invoke-LoraTraining $c, $c", "Training LoRA adapter, configuration 1 of 2 | Training LoRA adapter, configuration 2 of 2")]
    [InlineData("$c, $c | Invoke-LoraTraining", "Training LoRA adapter | Training LoRA adapter, configuration 2")]
    [InlineData("Invoke-LoraTraining $c", "Training LoRA adapter")]
    public void The_bar_says_which_configuration_it_is(string command, string activities)
    {
        ShellResult result = shell.Run($"{Config}; {command} -Dataset $train -MaxStep 1").Succeeded();

        Assert.Equal(activities, string.Join(" | ", result.Progress.Select(record => record.Activity).Distinct()));
    }

    [Fact]
    public void Steps_come_as_objects_when_they_are_asked_for()
    {
        ShellResult result = shell.Run($"{Config}; $c | {Train} -PassThruStep").Succeeded();
        Assert.Equal(["LoraTrainingStep", "LoraTrainingStep", "LoraTrainingStep", "LoraTrainingResult"], result.Output.Select(value => value.BaseObject.GetType().Name));
    }

    [Fact]
    public void WhatIf_says_what_would_be_done_and_writes_nothing()
    {
        string shown = shell.Show($"{Config}; $c | {Train} -OutputPath $output/adapter -WhatIf");

        Assert.Contains("What if:", shown, StringComparison.Ordinal);
        Assert.Contains("rank 4", shown, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(files.Output));
    }

    [Theory]
    [InlineData("org/model", "v1", "on 'org/model, which is not downloaded yet (Install-LoraModel org/model -Revision v1)'")]
    [InlineData("/nowhere/model", null, "on 'a model that is not known'")]
    public void WhatIf_says_of_a_model_that_is_not_here_how_it_is_brought(string name, string? revision, string said)
    {
        string config = $"@{{ TargetModule = 'q_proj'; BaseModelNameOrPath = '{name}'{(revision is null ? "" : $"; Revision = '{revision}'")} }}";
        Assert.Contains(said, shell.Show($"{config} | Invoke-LoraTraining -Dataset $train -WhatIf"), StringComparison.Ordinal);
    }

    [Fact]
    public void OutputPath_gets_the_adapter_and_keeps_one_that_is_there()
    {
        shell.Run($"{Config}; $c | {Train} -OutputPath $output/adapter").Succeeded();
        byte[] first = File.ReadAllBytes(files.File("adapter/adapter_model.safetensors"));

        Assert.Equal("LoraOutputExists,Lora.Commands.InvokeLoraTrainingCommand", shell.Run($"$c | {Train} -Seed 2 -OutputPath $output/adapter").ErrorIds.Single());
        Assert.Equal(first, File.ReadAllBytes(files.File("adapter/adapter_model.safetensors")));
        shell.Run($"$c | {Train} -Seed 2 -OutputPath $output/adapter -Force").Succeeded();
        Assert.NotEqual(first, File.ReadAllBytes(files.File("adapter/adapter_model.safetensors")));
    }

    [Fact]
    public void Two_configurations_do_not_share_a_folder_but_a_script_block_gives_each_its_own()
    {
        string configs = "2, 4 | ForEach-Object { $r = $_; Get-LoraModule $model -Include q_proj | New-LoraConfig -Rank $r }";
        Assert.Contains(
            "LoraOutputRepeated,Lora.Commands.InvokeLoraTrainingCommand", shell.Run($"{configs} | {Train} -OutputPath $output/same -Force").ErrorIds);

        shell.Run($"{configs} | {Train} -OutputPath {{ \"$output/rank$($_.Rank)\" }}").Succeeded();
        Assert.True(File.Exists(files.File("rank2/adapter_config.json")) && File.Exists(files.File("rank4/adapter_config.json")));
    }

    [Fact]
    public void Stopping_ends_within_a_step_and_leaves_a_loadable_adapter()
    {
        using ManualResetEvent begun = new(initialState: false);
        shell.With("begun", begun);
        ShellResult result = shell.RunAndStop(
            $"{Config}; $c | Invoke-LoraTraining -Dataset $train -MaxStep 100000 -OutputPath $output/adapter -PassThruStep | ForEach-Object {{ [void]$begun.Set(); $_ }}", begun);

        Assert.Equal(PSInvocationState.Stopped, result.State);
        Assert.NotEmpty(result.Output);
        LoraConfig back = (LoraConfig)shell.Run("New-LoraConfig -Path $output/adapter").Succeeded().Output.Single().BaseObject;
        Assert.Equal(4, back.Rank);
        Assert.True(File.Exists(files.File("adapter/adapter_model.safetensors")));
    }

    [Fact]
    public void A_loss_that_is_not_finite_is_an_error_and_the_last_good_adapter_is_the_result()
    {
        ShellResult result = shell.Run($"{Config}; $c | {Train.Replace("-MaxStep 3", "-MaxStep 9", StringComparison.Ordinal)} -LearningRate 1e20");

        Assert.Equal("LoraLossNotFinite,Lora.Commands.InvokeLoraTrainingCommand", result.ErrorIds.Single());
        Assert.Equal(LoraStopReason.NotFinite, ((LoraTrainingResult)result.Output.Single().BaseObject).StopReason);
    }

    [Theory]
    [InlineData("@{ a = $validation; b = $train } -KeepBest", "BestBy is not given")]
    [InlineData("@{ a = $validation; b = $train } -Patience 2", "BestBy is not given")]
    [InlineData("@{ a = $validation; b = $train } -KeepBest -BestBy c", "BestBy is 'c'; expected is the name of a validation set: a, b")]
    public void What_is_best_is_not_guessed(string given, string said)
    {
        ErrorRecord error = Assert.Single(shell.Run($"{Config}; $c | {Train} -EvaluationStep 1 -ValidationDataset {given}").Errors);

        Assert.Equal("LoraConfigValueInvalid,Lora.Commands.InvokeLoraTrainingCommand", error.FullyQualifiedErrorId);
        Assert.Contains(said, error.Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "LoraDatasetEmpty")]
    [InlineData("{\"text\": \"fine\"}\n{\"txt\": \"no\"}\n", "LoraRowInvalid")]
    [InlineData("{\"prompt\": \"a\", \"completion\": \"\"}\n", "LoraNoSupervisedToken")]
    public void A_dataset_that_teaches_nothing_is_refused(string content, string id)
    {
        shell.With("bad", files.Write("bad.jsonl", content));
        ErrorRecord error = Assert.Single(shell.Run($"{Config}; $c | Invoke-LoraTraining -Dataset $bad").Errors);

        Assert.Equal($"{id},Lora.Commands.InvokeLoraTrainingCommand", error.FullyQualifiedErrorId);
        if (id == "LoraRowInvalid")
        {
            Assert.Contains("line 2: ", error.Exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Rows_that_are_cut_or_left_out_are_counted_in_a_warning()
    {
        ShellResult result = shell.Run($"{Config}; $c | {Train} -MaxLength 12").Succeeded();
        Assert.Contains(result.Warnings, text => text.Contains("longer than 12 tokens", StringComparison.Ordinal) && text.Contains("36 rows", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("New-LoraConfig -TargetModule q_proj | " + Train, "LoraModelNotKnown")]
    [InlineData("New-LoraConfig -TargetModule q_proj | " + Train + " -Model $output", "LoraConfigMissing")]
    [InlineData(Config + "; $c | " + Train + " -Device cuda:99", "LoraDeviceUnavailable")]
    [InlineData(Config + "; $c | " + Train + " -Device gpu", "LoraDeviceUnavailable")]
    [InlineData(Config + "; $c | Invoke-LoraTraining -Dataset $output/none.jsonl", "LoraPathNotFound")]
    [InlineData(Config + "; $c | " + Train + " -OutputPath $output/a*", "LoraOutputHasWildcard")]
    [InlineData(Config + "; $c | " + Train + " -OutputPath env:x", "LoraPathNotFileSystem")]
    public void What_cannot_run_is_refused_before_any_work(string script, string id)
    {
        ShellResult result = shell.Run(script);
        Assert.Equal($"{id},Lora.Commands.InvokeLoraTrainingCommand", result.ErrorIds.First());
        Assert.Empty(result.Output);
        Assert.Empty(Directory.GetFileSystemEntries(files.Output));
    }

    private LoraTrainingResult Result(string script) => (LoraTrainingResult)shell.Run(script).Succeeded().Output.Single().BaseObject;
}
