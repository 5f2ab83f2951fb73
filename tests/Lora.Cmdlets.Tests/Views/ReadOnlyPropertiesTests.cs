namespace Lora.Commands.Tests.Views;

public sealed class ReadOnlyPropertiesTests(HostedShell shell) : IClassFixture<HostedShell>
{
    [Theory]
    [InlineData("$c = [Lora.LoraConfig]@{ Rank = 4 }; $c.Rank = -3", "The Rank of a LoraConfig cannot be changed. New-LoraConfig makes another configuration.")]
    [InlineData("$c = [Lora.LoraPatternValue]'q_proj=4'; $c.value = 'x'", "The Value of a LoraPatternValue cannot be changed.")]
    [InlineData("$c = [Lora.LoraModuleInfo]@{ Name = 'a' }; $c.Name = 'b'", "The Name of a LoraModuleInfo cannot be changed.")]
    [InlineData("$c = [Lora.LoraAdapter]::new(); $c.Path = 'x'", "The Path of a LoraAdapter cannot be changed.")]
    public void A_property_cannot_be_set(string script, string message)
    {
        ShellResult result = shell.Run($"try {{ {script} }} catch {{ \"$_\" }}; $c | ForEach-Object {{ [string]$_ }}");

        Assert.Equal(message, result.Texts.First());
        Assert.DoesNotContain(result.Texts, text => text.Contains("-3", StringComparison.Ordinal) || text == "b");
    }

    [Fact]
    public void A_shape_s_extents_cannot_be_set_either() => Assert.NotEmpty(
        shell.Run("$m = [Lora.LoraModuleInfo]@{ Shape = 4, 8 }; $m.Shape[0] = 5").Errors);

    [Theory]
    [InlineData("([Lora.LoraConfig]@{ Rank = 4; Alpha = 8 }).sCALING", "2")]
    [InlineData("[Lora.LoraConfig]@{ Rank = 4 } | ForEach-Object Rank", "4")]
    [InlineData("[Lora.LoraConfig]@{ Rank = 4 } | Where-Object Rank -gt 3 | ForEach-Object { $_.PSObject.Properties['Rank'].IsSettable }", "False")]
    [InlineData("([Lora.LoraConfig]@{ Rank = 4 }).ScalingOf(2, 8)", "4")]
    public void Everything_can_be_read_whatever_the_case_of_its_name(string script, string text) =>
        Assert.Equal([text], shell.Run(script).Succeeded().Texts);
}
