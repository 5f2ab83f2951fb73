using System.Management.Automation;

namespace Lora.Commands.Tests.Commands;

/// <summary>Export-LoraModel writes a model that trains and computes like the base model with the adapter.</summary>
public sealed class ExportLoraModelTests : IClassFixture<HostedShell>, IClassFixture<ExampleFolder>, IDisposable
{
    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public ExportLoraModelTests(HostedShell shell, ExampleFolder trained)
    {
        // Once for the class, in a folder of which each test has a copy.
        trained.Share(shell).Run("""
            $result ??= Get-LoraModule $model -Include q_proj, down_proj | New-LoraConfig -Rank 4 |
                Invoke-LoraTraining -Dataset $train -ValidationDataset $validation -MaxStep 5 -LearningRate 1e-2 -OutputPath $output/adapter
            """).Succeeded();
        files.Fill(trained);
        this.shell = files.Share(shell);
    }

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("$result | Export-LoraModel $output/merged")]
    [InlineData("$result.Adapter | Export-LoraModel $output/merged -Model $model")]
    [InlineData("Get-LoraAdapter $output/adapter | Export-LoraModel $output/merged")]
    [InlineData("Export-LoraModel $output/merged -Adapter $output/adapter")]
    [InlineData("Merge-LoraAdapter $output/adapter | Export-LoraModel $output/merged")]
    public void The_merged_model_has_the_loss_of_the_adapted_one(string script)
    {
        ShellResult result = shell.Run($$"""
            {{script}}
            $again = Get-LoraModule $output/merged -Include v_proj | New-LoraConfig -Rank 2 |
                Invoke-LoraTraining -Dataset $train -ValidationDataset $validation -MaxStep 1
            $result.After.Loss, $again.Before.Loss
            """).Succeeded();

        Assert.Equal(2, result.Output.Count);
        Assert.Equal((double)result.Output[0].BaseObject, (double)result.Output[1].BaseObject, 1e-4);
    }

    [Fact]
    public void The_folder_has_the_files_of_the_base_model_and_is_given_on_demand()
    {
        ShellResult result = shell.Run("$result | Export-LoraModel $output/merged -PassThru").Succeeded();

        LoraModelExport export = Assert.IsType<LoraModelExport>(result.Output.Single().BaseObject);
        Assert.Equal((files.File("merged"), LoraExportOutcome.Proven), (export.Path, export.Outcome));
        Assert.Equal(Names(ExampleFolder.Model), Names(files.File("merged")));
        Assert.Equal(ProgressRecordType.Completed, result.Progress[^1].RecordType);

        static IEnumerable<string> Names(string folder) => Directory.GetFiles(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);
    }

    [Fact]
    public void The_proof_is_made_on_rows_where_they_are_named_and_its_figures_are_said_on_demand()
    {
        ShellResult result = shell.Run("$result | Export-LoraModel $output/merged -Dataset $validation -Verbose 4>&1").Succeeded();
        string[] said = [.. result.Output.Select(record => record.ToString())];

        Assert.Contains(said, line => line.Contains("verified on the first 4 rows of ", StringComparison.Ordinal) && line.Contains("KL divergence", StringComparison.Ordinal));
        LoraModelExport skipped = (LoraModelExport)shell.Run("$result | Export-LoraModel $output/other -SkipVerification -PassThru").Succeeded().Output.Single().BaseObject;
        Assert.Equal((LoraExportOutcome.Skipped, null), (skipped.Outcome, skipped.LargestDifference));
    }

    [Fact]
    public void A_model_that_is_there_is_kept_unless_Force_is_given()
    {
        shell.Run("$result | Export-LoraModel $output/merged").Succeeded();
        ErrorRecord error = Assert.Single(shell.Run("$result | Export-LoraModel $output/merged").Errors);

        Assert.Equal("LoraOutputExists,Lora.Commands.ExportLoraModelCommand", error.FullyQualifiedErrorId);
        shell.Run("$result | Export-LoraModel $output/merged -Force").Succeeded();
    }

    [Fact]
    public void WhatIf_writes_nothing()
    {
        Assert.Contains("What if:", shell.Show("$result | Export-LoraModel $output/merged -WhatIf"), StringComparison.Ordinal);
        Assert.False(Directory.Exists(files.File("merged")));
    }

    [Theory]
    [InlineData("$result | Export-LoraModel $model -Force", "LoraMergeRefused")]
    [InlineData("$result | Export-LoraModel $output/adapter -Force", "LoraMergeRefused")]
    [InlineData("$result | Export-LoraModel $output/m*", "LoraOutputHasWildcard")]
    [InlineData("$result | Export-LoraModel $output/merged -Model $output/nowhere", "LoraPathNotFound")]
    [InlineData("$result, $result | Export-LoraModel $output/merged -Force", "LoraOutputRepeated")]
    [InlineData("$result | Export-LoraModel $output/merged -SkipVerification -Dataset $validation", "LoraConfigConflict")]
    [InlineData("Export-LoraModel $output/base -Model $model -Format Gguf -ResizeVocabulary", "LoraConfigConflict")]
    [InlineData("[Lora.LoraAdapter]::new() | Export-LoraModel $output/merged", "LoraModelNotKnown")]
    [InlineData("[Lora.LoraAdapter]::new() | Export-LoraModel $output/merged -Model $model", "LoraAdapterWeightsInvalid")]
    public void What_cannot_be_is_refused_by_its_id(string script, string id) =>
        Assert.Equal($"{id},Lora.Commands.ExportLoraModelCommand", shell.Run(script).ErrorIds.Single());

    [Fact]
    public void A_file_that_is_named_as_a_folder_is_gets_its_ending_and_the_base_model_alone_is_proven_too()
    {
        ShellResult result = shell.Run("Export-LoraModel $output/base/ -Model $model -Format Gguf -Verbose 4>&1; $result | Export-LoraAdapter $output/small.gguf/ -Format Gguf").Succeeded();

        Assert.True(File.Exists(files.File("base.gguf")) && File.Exists(files.File("small.gguf")));
        Assert.Contains(result.Output, record => record.ToString().Contains("was verified on a text", StringComparison.Ordinal));
    }

    [Fact]
    public void An_adapter_with_a_value_that_is_not_a_number_leaves_nothing()
    {
        byte[] bytes = File.ReadAllBytes(files.File("adapter/adapter_model.safetensors"));
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - sizeof(float)), float.NaN);
        File.WriteAllBytes(files.File("adapter/adapter_model.safetensors"), bytes);

        ErrorRecord error = Assert.Single(shell.Run("Export-LoraModel $output/merged -Adapter $output/adapter").Errors);

        Assert.Equal("LoraMergeRefused,Lora.Commands.ExportLoraModelCommand", error.FullyQualifiedErrorId);
        Assert.Contains("_proj", (string)error.TargetObject, StringComparison.Ordinal);
        Assert.Equal([files.File("adapter")], Directory.GetFileSystemEntries(files.Output));
    }
}
