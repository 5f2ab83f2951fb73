using Lora.Adapters;
using Lora.Kernels;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Vector code, held against the modules and the families' reference runs.</summary>
public class DirectDecoderTests
{
    /// <summary>Norms that take the mean away and plain MLPs, which the fused step alone computes.</summary>
    public static TheoryData<string> ByModules { get; } = ["falcon", "gpt2", "gpt_neo", "gpt_neox", "opt", "phi", "stablelm", "starcoder2"];

    public static TheoryData<string> Families =>
    [
        .. GoldenFamilies.Select(family => family.Data),
        .. FamilyGoldenTests.FusedFactFamilies.Select(family => family.Data).Where(family => family != "llama_dynamic").Except(ByModules.Select(family => family.Data)),
    ];

    /// <summary>Those with a reference run.</summary>
    public static TheoryData<string> GoldenFamilies => [.. FamilyGoldenTests.FusedFamilies.Select(family => family.Data).Except(ByModules.Select(family => family.Data))];

    [Theory]
    [MemberData(nameof(Families))]
    public void Logits_of_texts_of_unequal_lengths_equal_those_of_each_whole_text(string family) =>
        DecoderChecks.TextsOfUnequalLengthsGrow(family, model => DecoderChecks.Direct(model, Nothing));

    [Theory]
    [MemberData(nameof(Families))]
    public void A_text_that_is_taken_back_goes_on_otherwise_as_one_that_is_read_whole(string family) =>
        DecoderChecks.ATextIsTakenBackAndGoesOnOtherwise(family, model => DecoderChecks.Direct(model, Nothing));

    [Theory]
    [MemberData(nameof(GoldenFamilies))]
    public void The_likeliest_continuation_is_the_reference_s_also_with_the_adapter_that_the_modules_have(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenFamily golden = GoldenFamily.Open(family);
        using CausalLanguageModel model = golden.Load();
        int[] prompt = [.. golden.Data["generate_prompt"].data<long>().Select(id => (int)id)];
        int[] whole = [.. golden.Data["generate_out"].data<long>().Select(id => (int)id)];
        using (IDecoder bare = DecoderChecks.Direct(model, Nothing))
        {
            Assert.Equal(whole[prompt.Length..], Likeliest(bare, prompt, whole.Length - prompt.Length));
        }

        using AttachedAdapter adapter = golden.Attach(model);
        using DecodingChanges changes = DecodingChanges.Of(adapter.Layers, model);
        using IDecoder adapted = DecoderChecks.Direct(model, changes.Direct!);
        using ModuleDecoder modules = new(model);
        Assert.Equal(Likeliest(modules, prompt, 16), Likeliest(adapted, prompt, 16));
        DecoderChecks.AssertClose(modules.Logits(0), adapted.Logits(0));
    }

    [Theory]
    [InlineData("llama3", ScalarType.Float32)]
    [InlineData("llama3", ScalarType.BFloat16)]
    [InlineData("gemma2", ScalarType.Float32)]
    [InlineData("olmo2", ScalarType.Float32)]
    public void What_is_computed_of_a_text_hangs_neither_on_those_beside_it_nor_on_the_number_of_threads(string family, ScalarType type)
    {
        using TemporaryFolder files = new();
        using CausalLanguageModel model = ModelLoader.Load(FamilyCase.FolderOf(family, files), CPU, type);
        int[][] texts = [[3, 4, 5, 6], [7, 8], [9, 10, 11], [12], [13, 14]];
        float[][] alone = [.. texts.Select(text => Run([text], 1)[0])];

        Assert.Equal(alone, Run(texts, 1));
        Assert.Equal(alone, Run(texts, 2));
        Assert.Equal(alone, Run(texts, 3));

        float[][] Run(int[][] rows, int threads)
        {
            using IDecoder decoder = type == ScalarType.Float32
                ? new DirectDecoder<Lanes256, SingleElement>(model.Fused, Nothing, threads)
                : new DirectDecoder<Lanes256, BrainElement>(model.Fused, Nothing, threads);
            Array.ForEach(rows, row => decoder.Read(row));
            for (int step = 0; step < 6; step++)
            {
                decoder.Step([.. rows.Select(row => row[0] + step)]);
            }

            return [.. rows.Select((_, row) => decoder.Logits(row).ToArray())];
        }
    }

    [Fact]
    public void In_bfloat16_it_is_as_near_to_float32_as_the_modules_are()
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = GoldenFamily.FolderOf("llama3");
        using CausalLanguageModel exact = ModelLoader.Load(folder, CPU, ScalarType.Float32);
        using CausalLanguageModel rounded = ModelLoader.Load(folder, CPU, ScalarType.BFloat16);
        using ModuleDecoder reference = new(exact);
        using ModuleDecoder modules = new(rounded);
        using IDecoder direct = DecoderChecks.Direct(rounded, Nothing);
        foreach (IDecoder decoder in new[] { reference, modules, direct })
        {
            decoder.Read([1, 2, 3, 4]);
            Array.ForEach([5, 6, 7, 8], id => decoder.Step([id]));
        }

        Assert.InRange(DecoderChecks.Distance(reference.Logits(0), direct.Logits(0)), 1e-4, 1.2 * DecoderChecks.Distance(reference.Logits(0), modules.Logits(0)));
    }

    [Fact]
    public void Rows_that_end_leave_the_others_as_they_are_and_texts_grow_beyond_the_first_places()
    {
        using DisposeScope scope = NewDisposeScope();
        using CausalLanguageModel model = GoldenFamily.Open("mistral").Load();
        using IDecoder decoder = DecoderChecks.Direct(model, Nothing);
        int[] text = [.. Enumerable.Range(0, 300).Select(place => (place * 7) % 90)];
        decoder.Read([1, 2]);
        decoder.Read(text[..250]);
        decoder.Step([3, text[250]]);
        decoder.Keep([1]);
        DecoderChecks.AssertWhole(model, text[..251], decoder.Logits(0));
        Array.ForEach(text[251..], id => decoder.Step([id]));
        DecoderChecks.AssertWhole(model, text, decoder.Logits(0));
    }

    [Theory]
    [InlineData(384, ScalarType.Float32)]
    [InlineData(384, ScalarType.BFloat16)]
    [InlineData(352, ScalarType.Float32)] // whose rows end within blocks of 64
    public void Bases_in_4_bits_are_computed_as_by_the_modules(int intermediate, ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        using TemporaryFolder files = new();
        using CausalLanguageModel model = ModelLoader.Load(Example(intermediate, files), CPU, type, LoraQuantization.NF4);
        using IDecoder direct = DecoderChecks.Direct(model, Nothing);
        using ModuleDecoder modules = new(model);
        foreach (IDecoder decoder in new[] { direct, modules })
        {
            decoder.Read([5, 6, 7, 8]);
            decoder.Read([9, 10]);
            Array.ForEach([11, 12, 13], id => decoder.Step([id, id + 20]));
        }

        double tolerance = type == ScalarType.Float32 ? DecoderChecks.Tolerance : 0.05; // bfloat16: values of the modules are rounded, these are not
        for (int row = 0; row < 2; row++)
        {
            Assert.InRange(DecoderChecks.Distance(modules.Logits(row), direct.Logits(row)), 0, tolerance * Math.Max(1, modules.Logits(row).ToArray().Max(Math.Abs)));
        }
    }

    [Theory]
    [InlineData(new[] { 50, 1e4, 50 })]
    [InlineData(new[] { 0, 1e4, 50 })]
    [InlineData(new[] { 0.0, 0, 0 })]
    public void Blocks_turn_by_their_own_rotations_or_by_none(double[] bases)
    {
        using CausalLanguageModel model = ChangedModel.Turned("llama3", ScalarType.Float32, bases);
        using IDecoder decoder = DecoderChecks.Direct(model, Nothing);
        int[] text = [3, 1, 4, 1, 5, 9, 2, 6, 5, 35];
        decoder.Read(text[..4]);
        Array.ForEach(text[4..], id => decoder.Step([id]));

        DecoderChecks.AssertWhole(model, text, decoder.Logits(0));
    }

    [Fact]
    public void Models_that_it_does_not_compute_are_left_to_the_modules()
    {
        using TemporaryFolder files = new();
        using CausalLanguageModel turning = ModelLoader.Load(FamilyCase.Open("llama_dynamic", files).Folder, CPU, ScalarType.Float32);
        using CausalLanguageModel quantised = ModelLoader.Load(Example(344, files), CPU, ScalarType.Float32, LoraQuantization.NF4); // no multiple of 32
        Assert.All(new[] { turning, quantised }, model => Assert.Null(DirectDecoders.Find(model, Nothing)));
    }

    [Theory]
    [MemberData(nameof(ByModules))]
    public void Norms_that_take_the_mean_away_and_plain_MLPs_are_left_to_the_modules(string family)
    {
        using TemporaryFolder files = new();
        using CausalLanguageModel model = ModelLoader.Load(FamilyCase.FolderOf(family, files), CPU, ScalarType.Float32);

        Assert.Equal($"blocks of {family} are others than it computes", DirectDecoders.WhyNot(model));
        Assert.Null(DirectDecoders.Find(model, Nothing));
    }

    /// <summary>A folder with a model like the examples', but for the values of an MLP.</summary>
    private static string Example(int intermediate, TemporaryFolder files) => FamilyCase.Random(
        File.ReadAllText(Path.Combine(Repository.Root, "examples", "model", "config.json")).Replace("352", $"{intermediate}", StringComparison.Ordinal), files).Folder;

    private static DirectChanges Nothing => DirectChanges.None;

    private static int[] Likeliest(IDecoder decoder, int[] prompt, int count)
    {
        decoder.Read(prompt);
        List<int> said = [Lora.Models.Likeliest.Of(decoder.Logits(0))];
        while (said.Count < count)
        {
            decoder.Step([said[^1]]);
            said.Add(Lora.Models.Likeliest.Of(decoder.Logits(0)));
        }

        return [.. said];
    }
}
