using Lora.Adapters;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>What is computed with a cache of keys and values, held against the whole pass that the families' reference runs hold.</summary>
public class ModuleDecoderTests
{
    public static TheoryData<string> Families { get; } =
    [
        .. FamilyGoldenTests.AdaptedFamilies.Select(family => family.Data),
        .. FamilyGoldenTests.FusedFactFamilies.Select(family => family.Data),
        .. FamilyGoldenTests.AutogradFactFamilies.Select(family => family.Data),
    ];

    [Theory]
    [MemberData(nameof(Families))]
    public void Logits_of_texts_of_unequal_lengths_equal_those_of_each_whole_text(string family) =>
        DecoderChecks.TextsOfUnequalLengthsGrow(family, model => new ModuleDecoder(model));

    [Theory]
    [MemberData(nameof(Families))]
    public void A_text_that_is_taken_back_goes_on_otherwise_as_one_that_is_read_whole(string family) =>
        DecoderChecks.ATextIsTakenBackAndGoesOnOtherwise(family, model => new ModuleDecoder(model));

    [Theory]
    [InlineData("llama3")]
    [InlineData("gemma2")]
    [InlineData("gpt_neox")]
    public void Rows_that_end_leave_the_others_as_they_are(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenFamily golden = GoldenFamily.Open(family);
        using CausalLanguageModel model = golden.Load();
        using AttachedAdapter adapter = golden.Attach(model);
        using ModuleDecoder decoder = new(model);
        int[][] texts = [[3, 4, 5, 6], [7, 8], [9, 10, 11]];

        Array.ForEach(texts, text => decoder.Read(text));
        decoder.Step([20, 21, 22]);
        decoder.Keep([0, 2]);
        DecoderChecks.AssertWhole(model, [9, 10, 11, 22], decoder.Logits(1));
        decoder.Step([30, 32]);
        decoder.Keep([1]);
        decoder.Step([42]);
        DecoderChecks.AssertWhole(model, [9, 10, 11, 22, 32, 42], decoder.Logits(0));
    }

    [Fact]
    public void Quantised_bases_and_adapters_of_every_kind_are_computed_as_in_a_whole_pass()
    {
        using DisposeScope scope = NewDisposeScope();
        using CausalLanguageModel model = ModelLoader.Load(GoldenFamily.FolderOf("llama3"), CPU, ScalarType.Float32, LoraQuantization.NF4);
        LoraConfig config = new() { UseDora = true, Initialization = "gaussian" };
        AdapterTarget[] targets = [new("model.layers.0.self_attn.q_proj", 4, 2), new("model.layers.1.mlp.down_proj", 4, 2), new("model.embed_tokens", 4, 2)];
        using AttachedAdapter dora = new(model, config, [.. targets[..2]], CPU, seed: 1);
        using AttachedAdapter tokens = new(model, config with { UseDora = false }, [targets[2]], CPU, seed: 2);
        using Generator generator = new(3, CPU);
        foreach (TrainableParameter parameter in dora.Arena.Parameters.Concat(tokens.Arena.Parameters))
        {
            using IDisposable noGradient = no_grad();
            parameter.Value.Add(randn(parameter.Value.shape, generator: generator), 0.05);
        }

        using ModuleDecoder decoder = new(model);
        int[][] texts = [[3, 4, 5, 6], [7, 8]];
        Array.ForEach(texts, text => decoder.Read(text));
        decoder.Step([20, 21]);
        decoder.Step([22, 23]);
        DecoderChecks.AssertWhole(model, [3, 4, 5, 6, 20, 22], decoder.Logits(0));
        DecoderChecks.AssertWhole(model, [7, 8, 21, 23], decoder.Logits(1));
    }

    [Fact]
    public void More_places_than_were_made_at_first_are_added()
    {
        using DisposeScope scope = NewDisposeScope();
        using CausalLanguageModel model = GoldenFamily.Open("llama3").Load();
        using ModuleDecoder decoder = new(model);
        int[] text = [.. Enumerable.Range(0, 300).Select(place => (place * 7) % 90)];
        decoder.Read(text[..250]);
        Array.ForEach(text[250..], id => decoder.Step([id]));
        DecoderChecks.AssertWhole(model, text, decoder.Logits(0));
    }
}
