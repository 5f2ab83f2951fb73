namespace Lora.Commands.Tests.Completion;

public sealed class ModuleSourceTests(ModelShell shell) : IClassFixture<ModelShell>
{
    [Theory]
    [InlineData("Get-LoraModule ./tiny | New-LoraConfig -Exclude ", "embed_tokens | q_proj | down_proj | lm_head")]
    [InlineData("Get-LoraModule ./tiny -Include q_proj, '*tokens' -Exclude embed_tokens | New-LoraConfig -Exclude ", "q_proj")]
    [InlineData("Get-LoraModule ./tiny -Include '**.1.**', lm_head | New-LoraConfig -Exclude ", "q_proj | down_proj | lm_head")]
    [InlineData("Get-LoraModule ./tiny -All -Include '*norm' | New-LoraConfig -Exclude ", "input_layernorm")]
    [InlineData("Get-LoraModule ./tiny -Include *_proj | Where-Object Layer -eq 1 | Sort-Object Name | New-LoraConfig -Exclude ", "q_proj | down_proj")]
    [InlineData("Lora\\get-loramodule ./tiny | New-LoraConfig -Rank 4 -Exclude q", "q_proj")]
    [InlineData("Get-LoraModule ./tiny | New-LoraConfig | Measure-LoraAdapter -Include q", "q_proj")]
    [InlineData("(Get-LoraModule ./tiny -Include lm_head) | New-LoraConfig -Exclude ", "lm_head")]
    [InlineData("$piped = Get-LoraModule ./tiny -Include lm_head; $piped | New-LoraConfig -Exclude ", "lm_head")]
    [InlineData("1..3 | ForEach-Object { Get-LoraModule ./tiny | New-LoraConfig -Rank $_ -Exclude q", "q_proj")]
    [InlineData("'./tiny' | Get-LoraModule -Include q", "q_proj")]
    public void What_comes_through_the_pipeline_is_read_from_the_line(string line, string offered) => Assert.Equal(offered, shell.Offer(line));

    [Theory]
    [InlineData("'./tiny'", "Get-LoraModule $given -Include q", "q_proj")]
    [InlineData("'./tiny'", "Get-LoraModule $Global:given -Include q", "q_proj")]
    [InlineData("[IO.DirectoryInfo] \"$folder/tiny\"", "Get-LoraModule $given -Include q", "q_proj")]
    [InlineData("[IO.FileInfo] \"$folder/tiny/model.safetensors\"", "Get-LoraModule $given -Include q", "q_proj")]
    [InlineData("'./tiny'", "$given | Get-LoraModule -Include q", "q_proj")]
    [InlineData("'./tiny', './tiny'", "Get-LoraModule $given -Include q", "q_proj")]
    [InlineData("@{ Model = './tiny'; Rank = 4 }", "New-LoraConfig @given -TargetModule q", "q_proj")]
    [InlineData("@{ Model = './tiny' }", "New-LoraConfig -InputObject $given -TargetModule q", "q_proj")]
    [InlineData("Get-LoraModule ./tiny -Include '**.1.**'", "$given | New-LoraConfig -Exclude model.", "model.layers.1.self_attn.q_proj | model.layers.1.mlp.down_proj")]
    [InlineData("Get-LoraModule ./tiny -Include '**.1.**'", "$given | Where-Object Name | New-LoraConfig -Exclude ", "q_proj | down_proj")]
    [InlineData("Get-LoraModule ./tiny -Include lm_head", "New-LoraConfig -InputObject $given -Exclude ", "lm_head")]
    [InlineData("Get-LoraModule ./tiny -Include lm_head", "$given | New-LoraConfig -ModuleToSave i", "input_layernorm")]
    [InlineData("[System.Collections.ArrayList]@(Get-LoraModule ./tiny -Include q_proj)", "$given | New-LoraConfig -Exclude ", "q_proj")]
    [InlineData("New-LoraConfig -Model ./tiny -TargetModule q_proj, lm_head", "$given | Measure-LoraAdapter -Include ", "q_proj | lm_head")]
    [InlineData("[Lora.LoraTrainingResult] @{ Model = \"$folder/tiny\"; Config = New-LoraConfig -TargetModule q_proj }", "$given | Measure-LoraAdapter -Include ", "q_proj")]
    [InlineData("[Lora.LoraAdapterInfo] @{ BaseModel = './tiny'; Module = [Lora.LoraAdapterModule] @{ Name = 'lm_head' } }", "$given | Measure-LoraAdapter -Include ", "lm_head")]
    [InlineData("[Lora.LoraAdapterInfo] @{ BaseModel = 'owner/model'; Module = [Lora.LoraAdapterModule] @{ Name = 'lm_head' } }", "$given | Measure-LoraAdapter -Include ", "lm_head")]
    [InlineData("New-LoraConfig -Model ./tiny -TargetModule q_proj", "$given | New-LoraConfig -TargetModule d", "down_proj")]
    [InlineData("Get-LoraModule ./tiny -Include lm_head", "New-LoraConfig -Model $given[0] -TargetModule q", "q")]
    [InlineData("Get-LoraModule ./tiny -Include lm_head", "New-LoraConfig -Model $given -TargetModule q", "q_proj")]
    [InlineData("[byte[]]::new(1gb)", "Get-LoraModule $given -Include q", "q")]
    [InlineData("[datetime]::Now", "Get-LoraModule $given -Include q", "q")]
    public void The_value_of_a_variable_leads_to_its_modules(string value, string line, string offered) =>
        Assert.Equal(offered, shell.Offer(line, $"$given = {value}"));

    [Fact]
    public void An_adapter_in_memory_says_what_it_adapts()
    {
        shell.Set("given", new LoraAdapter { Config = new() { Model = shell.Model, TargetModule = ["q_proj"] } });

        Assert.Equal("q_proj", shell.Offer("Measure-LoraAdapter -Adapter $given -Include "));
    }

    [Theory]
    [InlineData("Get-LoraModule ./ti* -Include q")]
    [InlineData("Get-LoraModule -lp ./tiny -inc q")]
    [InlineData("$part = 'tiny'; Get-LoraModule ./$part -Include q")]
    [InlineData("$part = 'tiny'; Get-LoraModule \"./$part\" -Include q")]
    [InlineData("[string] $part = './tiny'; Get-LoraModule $part -Include q")]
    [InlineData("$table = @{ Path = './tiny' }; Get-LoraModule @table -Include q")]
    [InlineData("Get-LoraModule @('./tiny', './tiny') -Include q")]
    [InlineData("Measure-LoraAdapter ./adapter -Model ./tiny -Exclude q")]
    public void A_path_is_read_as_it_is_written(string line) => Assert.Equal("q_proj", shell.Offer(line));

    // The adapter leaves out block 2's MLP, and names a base model that is not here.
    [Theory]
    [InlineData("Measure-LoraAdapter $adapter -Include ", "down_proj | gate_proj | up_proj | k_proj | o_proj | q_proj | v_proj")]
    [InlineData("Measure-LoraAdapter $adapter -Include **.2.mlp", "**.2.mlp")]
    [InlineData("Measure-LoraAdapter $adapter -Include **.1.mlp.u", "model.layers.1.mlp.up_proj")]
    [InlineData("Measure-LoraAdapter $adapter -Model ./tiny -Exclude **.1.mlp.u", "model.layers.1.mlp.up_proj")]
    [InlineData("New-LoraConfig -Path $adapter/adapter_config.json -Model ./tiny -TargetModule d", "down_proj")]
    public void An_adapter_in_a_folder_says_what_it_adapts(string line, string offered) => Assert.Equal(
        offered,
        shell.Offer(line, $"$adapter = '{Path.Combine(Repository.Root, "tests", "fixtures", "families", "llama_linear", "adapter")}'"));

    // Reading the line before twice for each line would have no end.
    [Fact]
    public void A_variable_that_is_made_of_itself_is_followed() => Assert.Equal(
        "q_proj",
        shell.Offer("$way = ''\n" + string.Concat(Enumerable.Repeat("$way = \"$way$way\"\n", 200)) + "Get-LoraModule \"./tiny$way\" -Include q"));

    // As deep as this the stack would end, and with it the process.
    [Fact]
    public void A_long_script_ends_no_process() => Assert.StartsWith(
        "q",
        shell.Offer("$way = './tiny'\n" + string.Concat(Enumerable.Repeat("$way = \"$way\"\n", 20_000)) + "Get-LoraModule $way -Include q"),
        StringComparison.Ordinal);

    [Theory]
    [InlineData("Get-LoraModule (Get-Folder) -Include q")]
    [InlineData("Get-LoraModule $(Get-Folder) -Include q")]
    [InlineData("Get-LoraModule \"$(Get-Folder)\" -Include q")]
    [InlineData("Get-LoraModule { Get-Folder } -Include q")]
    [InlineData("Get-LoraModule @(Get-Folder) -Include q")]
    [InlineData("Get-Folder | Get-LoraModule -Include q")]
    [InlineData("$path = Get-Folder; Get-LoraModule $path -Include q")]
    [InlineData("Get-LoraModule ([IO.Path]::GetFullPath('./tiny')) -Include q")]
    [InlineData("Get-LoraModule ('./tiny'.Trim()) -Include q")]
    [InlineData("Get-LoraModule `$part -Include q")]
    public void Nothing_on_the_line_is_run(string line)
    {
        shell.Run("$global:ran = $false");

        Assert.Equal("q", shell.Offer(line));
        Assert.Equal(["False"], shell.Run("$global:ran").Texts);
    }
}
