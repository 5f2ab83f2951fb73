using System.Management.Automation;

namespace Lora.Commands.Tests.Completion;

public sealed class FixedCompleterTests(ModelShell shell) : IClassFixture<ModelShell>
{
    [Theory]
    [InlineData("New-LoraConfig -Initialization ", "true | false | gaussian | orthogonal | pissa | pissa_niter_4 | olora")]
    [InlineData("New-LoraConfig -Initialization 'PIS", "'pissa' | 'pissa_niter_4'")]
    [InlineData("New-LoraConfig -Initialization q_f", "q_f")]
    [InlineData("Invoke-LoraTraining -Device ", "auto | cpu | cuda | cuda:0")]
    [InlineData("Measure-LoraAdapter -Device cuda:3", "cuda:3")]
    [InlineData("Invoke-LoraTraining -ChatTemplate ll", "llama2 | llama3")]
    public void Known_values_are_offered_and_others_stay(string line, string offered) => Assert.Equal(offered, shell.Offer(line));

    [Fact]
    public void Every_parameter_whose_values_a_model_has_is_completed()
    {
        string[] names = ["Include", "Exclude", "TargetModule", "TargetParameter", "ExcludeModule", "TargetPattern", "ExcludePattern", "Layer", "LayerPattern", "RankPattern", "AlphaPattern", "ModuleToSave", "Initialization", "Device", "ChatTemplate", "Model", "Revision", "Adapter"];

        Assert.All(
            Cmdlets.Parameters.Where(parameter => names.Contains(parameter.Name)),
            parameter => Assert.True(parameter.IsDefined(typeof(ArgumentCompleterAttribute), inherit: true), $"{parameter.DeclaringType} -{parameter.Name}"));
    }
}
