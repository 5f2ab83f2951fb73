namespace Lora.Commands.Tests.Completion;

public sealed class LayerCompleterTests(ModelShell shell) : IClassFixture<ModelShell>
{
    [Theory]
    [InlineData("-Layer ", "0 | 1")]
    [InlineData("-Layer 0, ", "1")]
    [InlineData("-Layer 1", "1")]
    [InlineData("-Layer 7", "7")]
    [InlineData("-LayersToTransform ", "0 | 1")]
    [InlineData("-LayerPattern ", "layers")]
    public void Numbers_and_what_stands_before_them_are_those_of_the_model(string parameter, string offered) =>
        Assert.Equal(offered, shell.Offer("New-LoraConfig -Model ./tiny -TargetModule q_proj " + parameter));
}
