using System.Management.Automation;

namespace Lora.Commands.Tests.Commands;

public sealed class NewLoraConfigTests : IClassFixture<HostedShell>, IDisposable
{
    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public NewLoraConfigTests(HostedShell shell) => this.shell = files.Share(shell);

    public void Dispose() => files.Dispose();

    [Fact]
    public void Piped_modules_become_exact_targets_in_order_without_duplicates()
    {
        LoraConfig config = Config("$m = Get-LoraModule $model -Include '**.0.self_attn.q_proj', '**.1.mlp.up_proj'; $m + $m | New-LoraConfig");

        Assert.Equal(["model.layers.0.self_attn.q_proj", "model.layers.1.mlp.up_proj"], config.Module!);
        Assert.Equal(ExampleFolder.Model, config.Model);
    }

    [Fact]
    public void The_defaults_are_those_of_the_design()
    {
        LoraConfig config = Config("Get-LoraModule $model | New-LoraConfig");

        Assert.Equal((16, 32.0, 0.0, LoraBias.None, false), (config.Rank, config.Alpha, config.Dropout, config.Bias, config.UseRsLora));
    }

    [Theory]
    [InlineData("New-LoraConfig -Rank 8")]
    [InlineData("New-LoraConfig")]
    [InlineData("@() | New-LoraConfig -Rank 8")]
    public void Without_anything_to_adapt_it_says_so_and_does_not_ask(string script)
    {
        ErrorRecord error = Assert.Single(shell.Run(script).Errors);

        Assert.Equal("LoraNoTargets,Lora.Commands.NewLoraConfigCommand", error.FullyQualifiedErrorId);
        Assert.Contains("no module came through the pipeline", error.Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Piped_experts_become_target_parameters_and_globs_choose_among_them()
    {
        using ModelFolder models = new();
        shell.With("mixture", models.AddMixture("mixture"));

        LoraConfig experts = Config("Get-LoraModule $mixture | Where-Object Kind -eq Expert | New-LoraConfig -Exclude '**.0.**'");
        LoraConfig both = Config("Get-LoraModule $mixture -Include q_proj, gate_up_proj -Layer 0 | New-LoraConfig");
        LoraConfig named = Config("New-LoraConfig -Model $mixture -TargetParameter experts.down_proj -Rank 2");

        Assert.Equal(["model.layers.1.mlp.experts.gate_up_proj", "model.layers.1.mlp.experts.down_proj"], experts.TargetParameter!);
        Assert.Empty(experts.Module!);
        Assert.Equal(["model.layers.0.self_attn.q_proj"], both.Module!);
        Assert.Equal(["model.layers.0.mlp.experts.gate_up_proj"], both.TargetParameter!);
        Assert.Equal((0, "experts.down_proj"), (named.TargetModule!.Length, named.Target));
        Assert.Equal(
            ["expert.down_proj", "expert.gate_up_proj", "q_proj", "router"],
            shell.Run("Get-LoraModule $mixture | ForEach-Object Role").Succeeded().Texts.Distinct().Order());
    }

    [Theory]
    [InlineData("-TrainableToken '<|end|>', 5", "2, 5")]
    [InlineData("-TrainableToken @{ embed_tokens = 3, '<|end|>' }", "embed_tokens=3, embed_tokens=2")]
    [InlineData("-TrainableTokenIndices 7", "7")]
    public void Tokens_are_named_or_numbered(string parameter, string tokens)
    {
        string end = shell.Run("[Lora.Text.Tokenizer]::Load($model).IdOf('<|end|>')").Succeeded().Texts.Single();

        LoraConfig config = Config($"New-LoraConfig q_proj -Model $model {parameter}");

        Assert.Equal(tokens.Replace("2", end, StringComparison.Ordinal), string.Join(", ", (IEnumerable<LoraTrainableToken>)config.TrainableToken!));
        string texts = string.Join(", ", config.TrainableToken!.Select(token => $"'{token}'")); // what a job makes of them
        Assert.Equal(config.TrainableToken!, Config($"@{{ TargetModule = 'q_proj'; TrainableToken = {texts} }} | New-LoraConfig").TrainableToken!);
    }

    [Fact]
    public void A_token_that_the_vocabulary_lacks_is_refused_and_a_name_without_a_model_too()
    {
        ErrorRecord unknown = Assert.Single(shell.Run("New-LoraConfig q_proj -Model $model -TrainableToken '<|tool|>'").Errors);
        ErrorRecord nameless = Assert.Single(shell.Run("New-LoraConfig q_proj -TrainableToken '<|end|>'").Errors);
        ErrorRecord beyond = Assert.Single(shell.Run("New-LoraConfig q_proj -Model $model -TrainableToken 1000000").Errors);

        Assert.All([unknown, nameless, beyond], error => Assert.Equal("LoraConfigValueInvalid,Lora.Commands.NewLoraConfigCommand", error.FullyQualifiedErrorId));
        Assert.Contains("tokens there", unknown.Exception.Message, StringComparison.Ordinal);
        Assert.Contains("-Model", nameless.Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Exclude_leaves_piped_modules_out()
    {
        LoraConfig config = Config("Get-LoraModule $model -Include '*_proj' | New-LoraConfig -Exclude '**.3.mlp.**', 'O_PROJ'");

        Assert.Equal(28 - 3 - 4, config.Module!.Length);
        Assert.DoesNotContain("model.layers.3.mlp.up_proj", config.Module!);
        Assert.DoesNotContain("model.layers.0.self_attn.o_proj", config.Module!);
    }

    [Fact]
    public void An_Exclude_that_leaves_nothing_out_is_warned_of()
    {
        ShellResult result = shell.Run("Get-LoraModule $model -Include '*_proj' | New-LoraConfig -Exclude '**.30.**'").Succeeded();
        Assert.Contains("'**.30.**'", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Dora_and_modules_to_save_are_set_by_either_name()
    {
        LoraConfig config = Config("Get-LoraModule $model -Include '*_proj' | New-LoraConfig -UseDora -ModulesToSave norm, lm_head");

        Assert.True(config.UseDora);
        Assert.Equal(["norm", "lm_head"], config.ModulesToSave!);
    }

    [Fact]
    public void Lists_and_patterns_are_kept_as_PEFT_means_them()
    {
        LoraConfig list = Config("New-LoraConfig -TargetModule q_proj, v_proj -ExcludeModule layers.0.self_attn.q_proj -Layer 0, 2 -r 4 -Alpha 8");
        LoraConfig pattern = Config("New-LoraConfig -TargetPattern '.*_proj' -ExcludePattern '.*mlp.*'");

        Assert.Equal(["q_proj", "v_proj"], list.TargetModule!);
        Assert.Equal([0, 2], list.LayersToTransform!);
        Assert.Equal((4, 8.0), (list.Rank, list.Alpha));
        Assert.Equal((".*_proj", ".*mlp.*"), (pattern.TargetPattern, pattern.ExcludePattern));
        Assert.Null(pattern.TargetModule);
    }

    [Fact]
    public void Rank_patterns_keep_the_order_of_the_dictionary()
    {
        LoraConfig config = Config("New-LoraConfig -TargetModule q_proj -RankPattern ([ordered]@{ q_proj = 4; '0.self_attn.q_proj' = 16 })");
        Assert.Equal(["q_proj=4", "0.self_attn.q_proj=16"], config.RankPattern!.Select(entry => entry.ToString()));
    }

    [Fact]
    public void A_file_is_a_start_that_parameters_change()
    {
        files.Write("adapter_config.json", """{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], "lora_dropout": 0.1, "new_key": 7}""");
        LoraConfig config = Config("New-LoraConfig -Path $output -Rank 2 -TargetPattern 'all-linear'");

        Assert.Equal((2, 16.0, 0.1), (config.Rank, config.Alpha, config.Dropout));
        Assert.Equal("all-linear", config.TargetPattern);
        Assert.Null(config.TargetModule);
        Assert.Contains("new_key", config.OtherKeys, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("New-LoraConfig -TargetModule q_proj -Initialization random", "LoraConfigValueInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("New-LoraConfig -TargetModule q_proj -TargetPattern '.*'", "LoraConfigConflict", ErrorCategory.InvalidArgument)]
    [InlineData("New-LoraConfig -TargetPattern '(' ", "LoraPatternInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("New-LoraConfig -TargetModule q_proj -RankPattern @{ q_proj = 'many' }", "LoraConfigValueInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("New-LoraConfig -TargetModule q_porj -Model $model", "LoraTargetNotFound", ErrorCategory.ObjectNotFound)]
    [InlineData("Get-LoraModule $model -All | New-LoraConfig", "LoraTargetKindUnsupported", ErrorCategory.InvalidType)]
    [InlineData("Get-LoraModule $model | Where-Object Name -eq nothing | New-LoraConfig", "LoraNoTargets", ErrorCategory.ObjectNotFound)]
    [InlineData("Get-LoraModule $model | New-LoraConfig -Exclude '**'", "LoraNoTargets", ErrorCategory.ObjectNotFound)]
    [InlineData("New-LoraConfig -TargetModule q_proj, ''", "LoraConfigValueInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("New-LoraConfig -TargetModule q_proj -ExcludeModule ' '", "LoraConfigValueInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("New-LoraConfig -Path $output/nothing.json", "LoraPathNotFound", ErrorCategory.ObjectNotFound)]
    public void What_cannot_be_is_refused_at_once(string script, string id, ErrorCategory category)
    {
        ErrorRecord error = Assert.Single(shell.Run(script).Errors);
        Assert.Equal($"{id},Lora.Commands.NewLoraConfigCommand", error.FullyQualifiedErrorId);
        Assert.Equal(category, error.CategoryInfo.Category);
        Assert.NotEmpty(error.ErrorDetails.RecommendedAction);
    }

    [Fact]
    public void A_wrong_name_is_answered_with_the_nearest_names() => Assert.Contains(
        "q_proj", shell.Run("New-LoraConfig -TargetModule q_porj -Model $model").Errors[0].Exception.Message, StringComparison.Ordinal);

    [Fact]
    public void A_rank_below_one_does_not_bind() => Assert.StartsWith(
        "ParameterArgumentValidationError", shell.Run("New-LoraConfig -TargetModule q_proj -Rank 0").ErrorIds.Single(), StringComparison.Ordinal);

    [Fact]
    public void Modules_of_two_models_become_two_configurations()
    {
        using ModelFolder models = new();
        shell.With("other", models.Add("other"));
        ShellResult result = shell.Run("Get-LoraModule $model, $other -Include q_proj | New-LoraConfig").Succeeded();

        Assert.Equal(["examples/model".Replace('/', Path.DirectorySeparatorChar), "other"], result.Output.Select(value => ((LoraConfig)value.BaseObject).Model!)
            .Select(path => path.EndsWith("other", StringComparison.Ordinal) ? "other" : Path.GetRelativePath(Repository.Root, path)));
    }

    [Fact]
    public void A_hashtable_becomes_a_configuration_and_a_wrong_key_is_named()
    {
        LoraConfig config = Config("[Lora.LoraConfig]@{ Rank = 4; TargetModule = 'q_proj' }");
        Assert.Equal(4, config.Rank);
        Assert.Contains("Rnak", shell.Run("[Lora.LoraConfig]@{ Rnak = 4 }").Errors.Single().Exception.Message, StringComparison.Ordinal);
    }

    /// <summary>As in PEFT's LoraConfig(r=4, target_modules=[...]), where lora_alpha is 8 when nobody says otherwise.</summary>
    [Theory]
    [InlineData("@{ r = 4; target_modules = 'q_proj', 'v_proj'; use_rslora = $true; rank_pattern = @{ v_proj = 2 } } | New-LoraConfig")]
    [InlineData("[pscustomobject]@{ peft_type = 'LORA'; r = 4; target_modules = 'q_proj', 'v_proj'; use_rslora = $true; rank_pattern = [pscustomobject]@{ v_proj = 2 } } | New-LoraConfig")]
    public void A_table_with_PEFTs_keys_means_what_the_file_would(string script)
    {
        LoraConfig config = Config(script);

        Assert.Equal((4, 8.0, true), (config.Rank, config.Alpha, config.UseRsLora));
        Assert.Equal(["q_proj", "v_proj"], config.TargetModule!);
        Assert.Equal(new LoraPatternValue { Pattern = "v_proj", Value = 2 }, Assert.Single(config.RankPattern!));
    }

    [Theory]
    [InlineData("@{ r = 4; target_modules = , 'q_proj'; lora_aplha = 1 } | New-LoraConfig", "lora_aplha")]
    [InlineData("$loop = @{ r = 4; target_modules = , 'q_proj' }; $loop.loop = $loop; $loop | New-LoraConfig", "loop")]
    public void A_key_that_PEFT_does_not_have_is_warned_of(string script, string key) =>
        Assert.Contains(key, Assert.Single(shell.Run(script).Succeeded().Warnings), StringComparison.Ordinal);

    [Fact]
    public void A_value_of_PEFTs_table_that_does_not_fit_is_named() =>
        Assert.Contains("lora_alpha", Assert.Single(shell.Run("@{ r = 4; lora_alpha = [double]::NaN } | New-LoraConfig").Errors).Exception.Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("$c = Get-LoraModule $model -Include q_proj | New-LoraConfig -RankPattern @{ q_proj = 4 }", "Lora.LoraConfig")]
    [InlineData("$c = Get-LoraModule $model -Include '**.0.**.q_proj'", "Lora.LoraModuleInfo")]
    public void Objects_bind_again_after_they_were_serialised(string make, string type)
    {
        ShellResult result = shell.Run(
            $"{make}; $s = [System.Management.Automation.PSSerializer]; $back = $s::Deserialize($s::Serialize($c)); $c | ForEach-Object {{ [string]$_ }}; $back | ForEach-Object {{ [string][{type}]$_ }}").Succeeded();

        string[] texts = [.. result.Texts];
        Assert.Equal(texts[..(texts.Length / 2)], texts[(texts.Length / 2)..]);
    }

    private LoraConfig Config(string script) => (LoraConfig)shell.Run(script).Succeeded().Output.Single().BaseObject;
}
