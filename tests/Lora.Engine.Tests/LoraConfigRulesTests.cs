using System.Text.Json.Nodes;
using Lora.Tests.Selection;

namespace Lora.Tests;

public class LoraConfigRulesTests
{
    [Theory]
    [MemberData(nameof(PeftCases.Committed_and_shared), MemberType = typeof(PeftCases))]
    public void What_peft_refuses_is_refused(bool shared)
    {
        foreach (JsonObject item in PeftCases.Read("peft_errors.json", shared, "config"))
        {
            JsonObject arguments = item["kwargs"]!.AsObject();

            // Null targets are valid until the model is known: there are default targets.
            if (item["error"] is not null && arguments.ToJsonString() != """{"target_modules":null}""")
            {
                Assert.NotEmpty(Problems(arguments));
            }
        }
    }

    [Theory]
    [InlineData("""{"target_modules":["q_proj"],"layers_pattern":[]}""")]
    [InlineData("""{"target_modules":["q_proj"],"layers_pattern":"","layers_to_transform":null}""")]
    [InlineData("""{"target_modules":["q_proj"],"layers_pattern":"layers","layers_to_transform":[]}""")]
    public void Empty_layer_options_are_none(string arguments) => Assert.Empty(Problems(JsonNode.Parse(arguments)!.AsObject()));

    [Theory]
    [InlineData("""{"r":0}""", LoraError.ConfigValueInvalid)]
    [InlineData("""{"lora_dropout":7.0}""", LoraError.ConfigValueInvalid)]
    [InlineData("""{"lora_dropout":1}""", LoraError.ConfigValueInvalid)]
    [InlineData("""{"lora_alpha":-1}""", LoraError.ConfigValueInvalid)]
    [InlineData("""{"lora_alpha":1e300}""", LoraError.ConfigValueInvalid)]
    [InlineData("""{"alpha_pattern":{"q":1e300}}""", LoraError.ConfigValueInvalid)]
    [InlineData("""{"rank_pattern":{"q":0}}""", LoraError.ConfigValueInvalid)]
    [InlineData("""{"rank_pattern":{"q":1.5}}""", LoraError.ConfigValueInvalid)]
    [InlineData("""{"rank_pattern":{"(?i)q":1}}""", LoraError.PatternInvalid)]
    [InlineData("""{"init_lora_weights":"kaiming"}""", LoraError.ConfigValueInvalid)]
    [InlineData("""{"init_lora_weights":"corda"}""", LoraError.AdapterFeatureUnsupported)]
    [InlineData("""{"use_qalora":true}""", LoraError.AdapterFeatureUnsupported)]
    [InlineData("""{"target_parameters":["experts.weight"],"lora_dropout":0.1}""", LoraError.ConfigConflict)]
    [InlineData("""{"target_parameters":["experts.weight"],"init_lora_weights":"pissa"}""", LoraError.ConfigConflict)]
    [InlineData("""{"bias":"zzz"}""", LoraError.AdapterConfigInvalid)]
    [InlineData("""{"lora_alpha":"a"}""", LoraError.AdapterConfigInvalid)]
    [InlineData("""{"target_modules":5}""", LoraError.AdapterConfigInvalid)]
    public void What_peft_lets_pass_or_finds_late_is_refused(string arguments, LoraError error) =>
        Assert.Equal(error, Assert.Single(Problems(JsonNode.Parse(arguments)!.AsObject())).Error);

    [Theory]
    [InlineData("true")]
    [InlineData("False")]
    [InlineData("Gaussian")]
    [InlineData("pissa_niter_16")]
    public void Initialisations_are_known_by_name(string name) => Assert.Empty(LoraConfigRules.Check(new() { Initialization = name }));

    [Fact]
    public void Layers_do_not_go_with_exact_names() =>
        Assert.Equal(LoraError.ConfigConflict, Assert.Single(LoraConfigRules.Check(new() { Module = ["a"], LayersToTransform = [0] })).Error);

    [Fact]
    public void Other_keys_that_are_no_object_are_a_problem_and_no_exception() =>
        Assert.Equal(LoraError.ConfigValueInvalid, Assert.Single(LoraConfigRules.Check(new() { OtherKeys = "[1]" })).Error);

    [Fact]
    public void All_problems_are_found_at_once()
    {
        LoraConfig config = new() { Rank = 0, Alpha = double.NaN, Dropout = 1, TargetModule = ["a"], TargetPattern = "(", UseDora = true, UseLoraBias = true };

        LoraError[] errors = [.. LoraConfigRules.Check(config).Select(problem => problem.Error)];

        Assert.Equal(
            [LoraError.ConfigValueInvalid, LoraError.ConfigValueInvalid, LoraError.ConfigValueInvalid, LoraError.ConfigConflict, LoraError.ConfigConflict, LoraError.PatternInvalid],
            errors);
    }

    private static IReadOnlyList<LoraProblem> Problems(JsonObject arguments)
    {
        try
        {
            return LoraConfigRules.Check(PeftCases.Config(arguments));
        }
        catch (LoraException exception)
        {
            return exception.Problems;
        }
    }
}
