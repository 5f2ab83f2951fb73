using System.Management.Automation;

namespace Lora.Commands.Tests.Binding;

/// <summary>What the table does not show: several objects at once, brackets, copies, the base model, and what is said when nothing is given.</summary>
[Collection(nameof(GivenObjects))]
public sealed class ObjectsAsArgumentsTests(GivenObjects objects) : IClassFixture<GivenObjects>
{
    [Theory]
    [InlineData("$info, 42, $result | Get-LoraAdapter")]
    [InlineData("Get-LoraAdapter $info, 42, $result")]
    [InlineData("$info, 42, $result | Measure-LoraAdapter -Dataset $rows")]
    [InlineData("$info, 42, $result | Compare-LoraAdapter $result -Summary")]
    [InlineData("$info, 42, $result | Edit-LoraAdapter -Scale 0.5")]
    [InlineData("$config, 42, $info | New-LoraConfig -Rank 3")]
    [InlineData("$config, 42, $info | Test-LoraTarget -Entry")]
    [InlineData("$config, 42, $info | Compare-LoraConfig $config -Summary")]
    [InlineData("$config, 42, $info | Invoke-LoraTraining -Dataset $rows -MaxStep 1")]
    [InlineData("$config, 42, @{ Rank = 3; Model = $model; TargetModule = 'q_proj' } | Invoke-LoraSweep -Dataset $rows -MaxStep 1")]
    [InlineData("$model, 42, $model | Get-LoraModule -Include '**.0.**.q_proj'")]
    public void A_bad_second_object_is_reported_and_the_third_still_works(string script)
    {
        ShellResult result = objects.Shell.Run(script);

        Assert.Matches("^LoraNotA", Assert.Single(result.ErrorIds));
        Assert.Equal(2, result.Output.Count);
    }

    [Theory]
    [InlineData("Merge-LoraAdapter $info, $result, $output/adapter", 6)]
    [InlineData("Merge-LoraAdapter $output/adapter, $result", 4)]
    [InlineData("Merge-LoraAdapter $output/ada*", 2)]
    public void Several_are_merged(string script, int rank) =>
        Assert.Equal(rank, ((LoraAdapter)objects.Shell.Run(script).Succeeded().Output.Single().BaseObject).Config.Rank);

    [Theory]
    [InlineData("Get-LoraAdapter -LiteralPath $folder | Get-LoraAdapter")]
    [InlineData("Get-LoraAdapter $folder | Merge-LoraAdapter")]
    [InlineData("[System.IO.DirectoryInfo]$folder | Get-LoraAdapter")]
    [InlineData("[System.IO.DirectoryInfo]$folder | New-LoraConfig")]
    [InlineData("Get-LoraAdapter -LiteralPath $folder | Measure-LoraAdapter -Dataset $rows")]
    [InlineData("Measure-LoraAdapter -LiteralPath $folder -Dataset $rows")]
    [InlineData("New-LoraConfig -LiteralPath $folder -Rank 3")]
    [InlineData("Get-LoraAdapter $folder | Export-LoraAdapter -LiteralPath \"$folder/again\" -Force -PassThru")]
    [InlineData("Get-LoraAdapter $folder | Export-LoraModel -LiteralPath \"$folder/merged\" -Force -PassThru")]
    [InlineData("$config | Invoke-LoraTraining -Dataset $rows -MaxStep 1 -OutputPath \"$folder/trained\" -Force | Get-LoraAdapter")]
    public void Brackets_in_the_paths_of_objects_stand_for_themselves(string script)
    {
        objects.Shell.Run("$folder = \"$output/out [x]\"; $result | Export-LoraAdapter -LiteralPath $folder -Force").Succeeded();

        Assert.Single(objects.Shell.Run(script).Succeeded().Output);
    }

    [Theory]
    [InlineData("$config | New-LoraConfig -Rank 32")]
    [InlineData("New-LoraConfig -InputObject $config -Rank 32")]
    [InlineData("$info | New-LoraConfig -Rank 32")]
    [InlineData("$result | New-LoraConfig -Rank 32")]
    [InlineData("[System.IO.FileInfo]\"$output/adapter/adapter_config.json\" | New-LoraConfig -Rank 32")]
    [InlineData("New-LoraConfig -Path $output/adap* -Rank 32")]
    public void A_changed_copy_keeps_what_was_not_given(string script)
    {
        LoraConfig copy = Config(script);

        Assert.Equal((32, 32.0), (copy.Rank, copy.Alpha));
        Assert.Equal(["q_proj"], copy.TargetModule!);
        Assert.Equal(Config("$config").Model, copy.Model);
    }

    [Fact]
    public void Everything_that_is_wrong_with_a_hashtable_is_said_at_once()
    {
        ErrorRecord error = Assert.Single(objects.Shell.Run("New-LoraConfig -InputObject @{ Rnak = 2; Alpha = 'much'; AlphaPattern = @{ q_proj = 4 } }").Errors);

        Assert.Equal(["Rnak", "much"], ((LoraException)error.Exception).Problems.Select(problem => $"{problem.Target}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_copy_takes_targets_of_another_kind_in_place_of_its_own()
    {
        LoraConfig copy = Config("Get-LoraModule $model -Include q_proj | New-LoraConfig | New-LoraConfig v_proj, o_proj");

        Assert.Null(copy.Module);
        Assert.Equal(["v_proj", "o_proj"], copy.TargetModule!);
    }

    [Theory]
    [InlineData("New-LoraConfig q_proj, v_proj -Model $model")]
    [InlineData("New-LoraConfig -Target q_proj, v_proj -Model $module")]
    [InlineData("New-LoraConfig q_proj, v_proj -Model $result")]
    [InlineData("New-LoraConfig q_proj, v_proj -Model (Get-LoraModule $model)")]
    public void Targets_come_first_and_a_model_is_named_by_what_knows_it(string script)
    {
        LoraConfig config = Config(script);

        Assert.Equal(["q_proj", "v_proj"], config.TargetModule!);
        Assert.Equal(Config("$config").Model, config.Model);
    }

    [Theory]
    [InlineData("Get-LoraModule $model | New-LoraConfig v_proj", "-TargetModule")]
    [InlineData("Get-LoraModule $model | New-LoraConfig -Model $model", "-Model")]
    [InlineData("$config | New-LoraConfig -Exclude v_proj", "-Exclude")]
    [InlineData("New-LoraConfig q_proj -Exclude v_proj", "-Exclude")]
    public void What_excludes_each_other_is_named(string script, string parameter)
    {
        ErrorRecord error = Assert.Single(objects.Shell.Run(script).Errors);

        Assert.Equal("LoraConfigConflict,Lora.Commands.NewLoraConfigCommand", error.FullyQualifiedErrorId);
        Assert.Contains(parameter, error.Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("$modules | Get-LoraModule -Include '**.0.**.q_proj'")]
    [InlineData("Get-LoraModule $modules -Include '**.0.**.q_proj'")]
    public void The_modules_of_one_model_mean_it_once(string script) =>
        Assert.Single(objects.Shell.Run("$modules = Get-LoraModule $model; " + script).Succeeded().Output);

    [Theory]
    [InlineData("Invoke-LoraTraining -Model $model -Dataset $rows", "LoraConfigNotGiven", "no configuration")]
    [InlineData("Invoke-LoraTraining -Dataset $rows", "LoraConfigNotGiven", "no configuration")]
    [InlineData("Test-LoraTarget -Model $model", "LoraConfigNotGiven", "no configuration")]
    [InlineData("Get-LoraModule $model | Test-LoraTarget", "LoraConfigNotGiven", "no configuration")]
    [InlineData("Compare-LoraConfig $config", "LoraConfigNotGiven", "no configuration")]
    [InlineData("Export-LoraAdapter $output/x", "LoraAdapterNotGiven", "No adapter")]
    [InlineData("Export-LoraModel $output/x", "LoraAdapterNotGiven", "No adapter")]
    [InlineData("Export-LoraModel $output/x -Model $model", "LoraAdapterNotGiven", "-Format Gguf writes a model without one too")]
    [InlineData("Export-LoraModel $output/x -Model $model -Format Ollama", "LoraAdapterNotGiven", "-Format Gguf writes a model without one too")]
    [InlineData("'The fox' | Invoke-LoraGeneration -Prompt x -Model $model", "LoraConfigConflict", "leave -Prompt out")]
    [InlineData("[pscustomobject] @{ prompt = 'p'; text = 't' } | Invoke-LoraGeneration -Model $model", "LoraRowInvalid", "either may be the prompt")]
    [InlineData("Export-LoraModel $output/base -Model $model -Format Gguf -SkipVerification -Force; Invoke-LoraGeneration x -Adapter $output/base.gguf", "LoraNotAnAdapter", "it is a model of llama.cpp")]
    [InlineData("Measure-LoraAdapter -Dataset $rows", "LoraAdapterNotGiven", "No adapter")]
    [InlineData("Merge-LoraAdapter", "LoraAdapterNotGiven", "No adapter")]
    [InlineData("Compare-LoraAdapter", "LoraAdapterNotGiven", "No adapter")]
    [InlineData("Edit-LoraAdapter -Rank 2", "LoraAdapterNotGiven", "No adapter")]
    [InlineData("Compare-LoraAdapter $result", "LoraAdapterNotGiven", "No adapter")]
    [InlineData("Get-LoraAdapter", "LoraAdapterNotGiven", "No adapter")]
    [InlineData("Get-LoraModule", "LoraModelNotKnown", "model")]
    public void Nobody_is_asked_for_an_object_and_what_is_missing_is_named(string script, string id, string word)
    {
        ErrorRecord error = Assert.Single(objects.Shell.Run(script).Errors);

        Assert.StartsWith(id + ",Lora.Commands.", error.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Contains(word, error.Exception.Message, StringComparison.Ordinal);
        Assert.NotEmpty(error.ErrorDetails.RecommendedAction);
    }

    [Theory]
    [InlineData("@() | Get-LoraAdapter")]
    [InlineData("@() | Measure-LoraAdapter -Dataset $rows")]
    [InlineData("@() | Export-LoraAdapter $output/x")]
    [InlineData("@() | Invoke-LoraTraining -Dataset $rows")]
    [InlineData("@() | Invoke-LoraSweep -Dataset $rows")]
    [InlineData("@() | Test-LoraTarget $config")]
    [InlineData("@() | Get-LoraModule")]
    public void Nothing_comes_of_an_empty_pipeline(string script) => Assert.Empty(objects.Shell.Run(script).Succeeded().Output);

    [Fact]
    public void PassThru_gives_the_folder_as_the_provider_does()
    {
        PSObject folder = objects.Shell.Run("$result | Export-LoraAdapter $output/passed -Force -PassThru").Succeeded().Output.Single();

        Assert.IsType<DirectoryInfo>(folder.BaseObject);
        Assert.Contains("FileSystem::", (string)folder.Properties["PSPath"].Value, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIf_of_a_training_names_the_folder_that_it_would_write() => Assert.Matches(
        "Train rank 2.* on '.*model'.*would-be",
        objects.Shell.Show("$config | Invoke-LoraTraining -Dataset $rows -OutputPath $output/would-be -WhatIf").ReplaceLineEndings(" "));

    [Fact]
    public void An_adapter_in_memory_is_described_as_its_folder_is()
    {
        LoraAdapterInfo[] infos = [.. objects.Shell.Run("$inMemory, $info | Get-LoraAdapter -Detailed").Succeeded().Output.Select(value => (LoraAdapterInfo)value.BaseObject)];

        Assert.Equal(infos[1].ParameterCount, infos[0].ParameterCount);
        Assert.Equal(infos[1].Module.Select(module => (module.Name, module.Norm)), infos[0].Module.Select(module => (module.Name, module.Norm)));
        Assert.Equal(("in memory: rank 2, 4 modules", ""), (infos[0].ToString(), infos[0].Path));
    }

    private LoraConfig Config(string script) => (LoraConfig)objects.Shell.Run(script).Succeeded().Output.Single().BaseObject;
}
