using System.Management.Automation;
using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Commands.Tests.Commands;

/// <summary>Adapters with what PEFT writes and the engine does not train: every command that reads one says what it makes of it.</summary>
public sealed class PeftAdapterTests : IClassFixture<HostedShell>, IClassFixture<ExampleFolder>, IDisposable
{
    private const string Table = "base_model.model.model.embed_tokens.weight";

    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public PeftAdapterTests(HostedShell shell, ExampleFolder trained)
    {
        // Once for the class, in a folder of which each test has a copy.
        trained.Share(shell).Run("""
            $result ??= New-LoraConfig q_proj -Model $model -Rank 2 | Invoke-LoraTraining -Dataset $train -ValidationDataset $validation -MaxStep 3 -OutputPath $output/adapter
            """).Succeeded();
        files.Fill(trained);
        this.shell = files.Share(shell);
    }

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("Get-LoraAdapter $output/adapter")]
    [InlineData("Measure-LoraAdapter $output/adapter -Dataset $validation")]
    [InlineData("Merge-LoraAdapter $output/adapter")]
    [InlineData("Export-LoraModel $output/merged -Adapter $output/adapter")]
    [InlineData("Invoke-LoraTraining $output/adapter -Dataset $train -MaxStep 1")]
    [InlineData("Invoke-LoraTraining -Config $output/adapter/adapter_config.json -Dataset $train -MaxStep 1")]
    [InlineData("New-LoraConfig -Path $output/adapter -Model $model")]
    public void Keys_that_are_set_and_not_known_are_a_warning(string script)
    {
        Change("\"lora_alpha\": 32", "\"lora_alfa\": 99,\n  \"lora_alpha\": 32,\n  \"future\": null");

        string warning = Assert.Single(shell.Run(script).Succeeded().Warnings, text => text.Contains("not known here", StringComparison.Ordinal));

        Assert.Contains("has no effect: lora_alfa.", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_supported_is_described_and_refused_where_it_is_used()
    {
        Change("\"use_bdlora\": null", "\"use_bdlora\": {\"nblocks\": 2}");

        Assert.Equal("use_bdlora", shell.Run("(Get-LoraAdapter $output/adapter).Unsupported").Succeeded().Output.Single().BaseObject);
        ErrorRecord error = Assert.Single(shell.Run("Measure-LoraAdapter $output/adapter -Dataset $validation").Errors);
        Assert.Equal("LoraAdapterFeatureUnsupported,Lora.Commands.MeasureLoraAdapterCommand", error.FullyQualifiedErrorId);
    }

    [Fact]
    public void An_adapter_that_began_with_eva_is_used_and_none_begins_with_it()
    {
        Change("\"init_lora_weights\": true", "\"init_lora_weights\": \"eva\"");

        shell.Run("Measure-LoraAdapter $output/adapter -Dataset $validation; Invoke-LoraTraining $output/adapter -Dataset $train -MaxStep 1").Succeeded();
        ErrorRecord error = Assert.Single(shell.Run("New-LoraConfig q_proj -Initialization eva").Errors);
        Assert.Equal("LoraAdapterFeatureUnsupported,Lora.Commands.NewLoraConfigCommand", error.FullyQualifiedErrorId);
    }

    [Fact]
    public void A_training_s_folder_leads_to_its_latest_checkpoint()
    {
        Directory.CreateDirectory(files.File("runs"));
        Directory.Move(files.File("adapter"), files.File("runs/checkpoint-20"));

        ErrorRecord error = Assert.Single(shell.Run("Get-LoraAdapter $output/runs").Errors);

        Assert.Contains("The latest checkpoint of the training is in checkpoint-20.", error.Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_resized_vocabulary_is_named_and_taken_over_on_demand()
    {
        Enlarge();

        ShellResult refused = shell.Run("""
            Measure-LoraAdapter $output/adapter -Dataset $validation -ErrorAction Continue
            Invoke-LoraTraining $output/adapter -Dataset $train -MaxStep 1 -ErrorAction Continue
            """);
        ShellResult result = shell.Run("""
            (Measure-LoraAdapter $output/adapter -Dataset $validation -ResizeVocabulary).Loss
            Export-LoraModel $output/merged -Adapter $output/adapter -ResizeVocabulary
            (New-LoraConfig v_proj -Model $output/merged | Invoke-LoraTraining -Dataset $train -ValidationDataset $validation -MaxStep 1).Before.Loss
            (Get-LoraModule $output/merged -Include embed_tokens).InFeatures
            (Invoke-LoraTraining $output/adapter -Dataset $train -MaxStep 1 -ResizeVocabulary | Measure-LoraAdapter -Dataset $validation -ResizeVocabulary).Adapter.Tensors.Count
            """).Succeeded();

        Assert.All(refused.Errors, error => Assert.StartsWith("LoraVocabularyResized,", error.FullyQualifiedErrorId, StringComparison.Ordinal));
        Assert.Equal((double)result.Output[0].BaseObject, (double)result.Output[1].BaseObject, 1e-4);
        Assert.Equal(514L, result.Output[2].BaseObject);
        Assert.Equal(AdapterFolder.Load(files.File("adapter")).Tensors.Count, result.Output[3].BaseObject);
    }

    [Fact]
    public void An_adapter_of_the_tied_head_becomes_a_model_with_Untie()
    {
        ShellResult result = shell.Run("""
            $tied = New-LoraConfig lm_head -Model $model -Rank 4 | Invoke-LoraTraining -Dataset $train -ValidationDataset $validation -MaxStep 5 -LearningRate 1e-2 3> $null
            $tied.After.Loss
            $tied | Export-LoraModel $output/untied -Untie
            (New-LoraConfig v_proj -Model $output/untied | Invoke-LoraTraining -Dataset $train -ValidationDataset $validation -MaxStep 1).Before.Loss
            """).Succeeded();

        Assert.Equal((double)result.Output[0].BaseObject, (double)result.Output[1].BaseObject, 1e-4);
        ErrorRecord error = Assert.Single(shell.Run("$tied | Export-LoraModel $output/tied").Errors);
        Assert.Contains("-Untie", error.Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("seq_cls", "SEQ_CLS")]
    [InlineData("FEATURE_EXTRACTION", "FEATURE_EXTRACTION")]
    public void The_task_is_one_of_PEFT_s(string given, string expected) =>
        Assert.Equal(expected, shell.Run($"(New-LoraConfig q_proj -TaskType {given}).TaskType").Succeeded().Output.Single().BaseObject);

    [Fact]
    public void Tab_offers_the_tasks_and_others_are_refused()
    {
        const string Line = "New-LoraConfig q_proj -TaskType ";
        ShellResult offered = shell.Run($"[System.Management.Automation.CommandCompletion]::CompleteInput('{Line}', {Line.Length}, $null).CompletionMatches.CompletionText").Succeeded();

        Assert.Equal(["CAUSAL_LM", "FEATURE_EXTRACTION", "QUESTION_ANS", "SEQ_2_SEQ_LM", "SEQ_CLS", "TOKEN_CLS"], offered.Output.Select(text => text.ToString()).Order(StringComparer.Ordinal));
        Assert.StartsWith("ParameterArgumentValidationError", Assert.Single(shell.Run(Line + "CHAT").Errors).FullyQualifiedErrorId, StringComparison.Ordinal);
    }

    private void Change(string text, string other)
    {
        string path = files.File("adapter/adapter_config.json");
        string json = File.ReadAllText(path);
        Assert.Contains(text, json, StringComparison.Ordinal);
        File.WriteAllText(path, json.Replace(text, other, StringComparison.Ordinal));
    }

    /// <summary>Adds the model's embedding with two rows more, as PEFT does after resize_token_embeddings.</summary>
    private void Enlarge()
    {
        LoraAdapter adapter = AdapterFolder.Load(files.File("adapter"));
        TensorData own = SafetensorsFile.ReadAll(Path.Combine(ExampleFolder.Model, "model.safetensors")).Single(tensor => tensor.Name == "model.embed_tokens.weight");
        ReadOnlyMemory<byte> rows = own.AsMemory();
        byte[] more = [.. rows.Span, .. rows.Span[..(2 * own.ByteCount / (int)own.Shape[0])]];
        TensorData table = new(Table, own.DataType, [own.Shape[0] + 2, own.Shape[1]], more);
        AdapterFolder.Save(new() { Config = adapter.Config, Tensors = [.. adapter.Tensors, table] }, files.File("adapter"), overwrite: true);
    }
}
