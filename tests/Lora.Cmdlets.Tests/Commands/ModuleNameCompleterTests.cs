namespace Lora.Commands.Tests.Commands;

public sealed class ModuleNameCompleterTests : IClassFixture<HostedShell>, IDisposable
{
    private readonly HostedShell shell;
    private readonly ModelFolder models = new();
    private readonly string model;

    public ModuleNameCompleterTests(HostedShell shell)
    {
        this.shell = shell;
        model = models.Add("tiny");
    }

    public void Dispose() => models.Dispose();

    [Fact]
    public void Roles_of_the_model_are_offered() => Assert.Equal(
        ["embed_tokens", "q_proj", "down_proj", "input_layernorm", "lm_head"],
        shell.Complete($"Get-LoraModule '{model}' -Include "));

    [Fact]
    public void Whole_names_are_offered_once_a_dot_is_typed() => Assert.Equal(
        ["model.layers.1.self_attn.q_proj"],
        shell.Complete($"Get-LoraModule -LiteralPath '{model}' -Exclude MODEL.layers.1.s"));

    [Fact]
    public void The_model_of_a_measurement_offers_its_names_too() => Assert.Equal(
        ["q_proj"],
        shell.Complete($"Measure-LoraAdapter ./adapter -Model '{model}' -Exclude q"));

    [Theory]
    [InlineData("Get-LoraModule ./no-such-model -Include q")]
    [InlineData("Get-LoraModule nosuchdrive:/x -Include q")]
    [InlineData("Get-LoraModule env:PATH -Include q")]
    public void A_model_that_cannot_be_read_completes_to_nothing(string line) => Assert.Empty(shell.Complete(line));
}
