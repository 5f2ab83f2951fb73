using System.Text.Json;
using Lora.Adapters;
using Lora.Selection;
using Lora.Tests.Models;
using Lora.Tests.Training;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Selection;

/// <summary>What PEFT passes over in silence, and what is easily meant otherwise: each situation of the fixture is said by name before a training and by it.</summary>
public sealed class SilentSelectionTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    /// <summary>The situation, the model's form where it is not the example, the configuration, and what a preview says.</summary>
    public static TheoryData<string, string?, string, string> Previewed { get; } = [.. Read("said")];

    /// <summary>The same with what a training says, where that is another sentence: a preview serves other programs' trainings too.</summary>
    public static TheoryData<string, string?, string, string> Trained { get; } = [.. Read("trained")];

    public void Dispose() => files.Dispose();

    [Theory]
    [MemberData(nameof(Previewed))]
    public void A_preview_says_it(string situation, string? form, string config, string said) => Assert.Contains(said, Said(() =>
    {
        TargetPreview preview = TargetPreview.Of(AdapterConfigJson.Parse(config), Model(form));
        return preview.Warnings.Select(warning => warning.Message).Concat(preview.Notes);
    }, situation), StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Trained))]
    public void Training_says_it(string situation, string? form, string config, string said) => Assert.Contains(
        said, Said(() => TrainingPlan.Make(AdapterConfigJson.Parse(config) with { Model = Model(form) }, ExampleRun.Data, ExampleRun.Options).Warnings, situation), StringComparison.Ordinal);

    [Fact]
    public void There_are_thirty_and_more() => Assert.InRange(Previewed.Count, 30, int.MaxValue);

    [Fact]
    public void Modules_that_a_text_does_not_pass_are_named_with_the_entry_that_hits_nothing_else()
    {
        string[] names = ["vision_tower.blocks.0.attn.proj", "vision_tower.blocks.1.attn.proj", "language_model.layers.0.self_attn.q_proj", "mtp.layers.0.self_attn.q_proj"];
        LoraModuleInfo[] modules = [.. names.Select(name => new LoraModuleInfo { Name = name, Kind = LoraModuleKind.Linear, Part = LoraModulePart.Text, Shape = [64, 64], InFeatures = 64, OutFeatures = 64 })];

        IReadOnlyList<string> notes = TargetResolver.Resolve(new() { TargetModule = ["attn.proj", "q_proj"] }, modules, [], null).Notes;

        Assert.Equal(
            "TargetModule 'attn.proj' hits only modules that a text does not pass ('vision_tower.blocks.0.attn.proj', 'vision_tower.blocks.1.attn.proj'): what they learn does not reach the loss of a text.",
            Assert.Single(notes));
    }

    [Theory]
    [InlineData("layers[0-9]")]
    [InlineData(@"\[1-20]")]
    [InlineData("[a-z]+")]
    [InlineData("[12]")]
    [InlineData("[1,3]")]
    public void Classes_of_single_characters_are_left_alone(string pattern) => Assert.Empty(NumberRange.Explain(pattern));

    [Theory]
    [InlineData("a|b", "a", "b")]
    [InlineData(@"(a|b)c|[|]d|\|e", "(a|b)c", "[|]d", @"\|e")]
    public void Alternatives_end_at_bars_outside_of_groups_and_classes(string pattern, params string[] expected) => Assert.Equal(expected, Alternatives.Of(pattern));

    /// <summary>The example, or a small model of a form that sees.</summary>
    private string Model(string? form)
    {
        if (form is null)
        {
            return ExampleRun.Model;
        }

        using DisposeScope scope = NewDisposeScope();
        SeeingModel.Write(files.Path, form);
        return files.Path;
    }

    private static string Said(Func<IEnumerable<string>> resolve, string situation)
    {
        try
        {
            return string.Join('\n', resolve().Prepend(situation));
        }
        catch (LoraException exception)
        {
            return string.Join('\n', exception.Problems.Select(problem => problem.Message).Prepend(situation));
        }
    }

    private static IEnumerable<(string, string?, string, string)> Read(string key)
    {
        using JsonDocument fixture = JsonDocument.Parse(File.ReadAllText(Repository.Fixture("selection", "silent.json")));
        foreach (JsonElement entry in fixture.RootElement.EnumerateArray())
        {
            string config = entry.GetProperty("config").GetRawText();
            string? form = entry.TryGetProperty("model", out JsonElement model) ? model.GetString() : null;
            string said = (entry.TryGetProperty(key, out JsonElement text) ? text : entry.GetProperty("said")).GetString()!;
            yield return (entry.GetProperty("situation").GetString()!, form, "{ \"peft_type\": \"LORA\", " + config.TrimStart()[1..], said);
        }
    }
}
