using Lora.Data;
using Lora.Models;
using TorchSharp;

namespace Lora.Tests.Models;

/// <summary>Sums of texts that begin alike, held to those of each text in a pass of its own.</summary>
public class SharedBeginningTests
{
    private const double Tolerance = 1e-5; // nats a token: float32, sums in another order

    private static readonly TrainingExample[] Texts = [Text(20, 21), Text(30), Text(20, 22, 23, 24, 25, 26, 27, 28), Text(40, 41, 42)];

    [Theory]
    [InlineData("llama3", LoraQuantization.None)]
    [InlineData("llama3", LoraQuantization.NF4)]
    [InlineData("mistral", LoraQuantization.None)] // which sees seven tokens back
    [InlineData("qwen2", LoraQuantization.None)]
    [InlineData("qwen3", LoraQuantization.None)]
    [InlineData("gemma", LoraQuantization.None)]
    [InlineData("gemma2", LoraQuantization.None)]
    [InlineData("gemma3_text", LoraQuantization.None)] // with two rotations, and norms behind attention and MLP
    [InlineData("olmo2", LoraQuantization.None)] // with norms over all heads at once
    [InlineData("gpt2", LoraQuantization.None)] // with learned positions
    [InlineData("gpt2", LoraQuantization.NF4)]
    [InlineData("gpt_neox", LoraQuantization.None)] // attention and MLP side by side
    [InlineData("phi", LoraQuantization.None)] // of one norm
    public void The_fused_step_computes_the_beginning_once(string family, LoraQuantization quantization)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        FusedStepCase known = new(family, torch.ScalarType.Float32, FusedStepCase.Everything(family), quantization);
        using FusedStep step = known.Fused();
        using ReferenceStep reference = new(known.Model);
        long tokens = 0;
        string last = known.Model.Shape.BlockPrefix + "0." + known.Model.Shape.Blocks[0].Products.Last()[0];
        step.Watch((names, x) => tokens += names.Contains(last) ? x.shape[0] : 0);

        IReadOnlyList<LossSum> each = step.SumEach(Texts);
        Assert.Equal(10 + Texts.Sum(text => text.Ids.Length - 10), tokens); // of 11 tokens that are alike the last predicts
        AssertEqual(reference.SumAlone(Texts), each);
        AssertEqual(step.SumAlone(Texts), each);
    }

    [Theory]
    [InlineData("llama3", true)]
    [InlineData("granite", true)]
    [InlineData("gpt2", true)]
    [InlineData("gemma2", true)]
    [InlineData("mixtral", true)]
    [InlineData("llama_dynamic", false)] // whose rotation hangs on the length of the text
    public void So_do_the_modules_where_places_are_the_same_in_every_text(string family, bool isShared)
    {
        using TemporaryFolder files = new();
        using DisposeScope scope = torch.NewDisposeScope();
        using CausalLanguageModel model = ModelLoader.Load(FamilyCase.Open(family, files).Folder, torch.CPU, torch.ScalarType.Float32);
        using ReferenceStep reference = new(model);
        IReadOnlyList<LossSum> alone = reference.SumAlone(Texts);
        long tokens = 0;
        TokenEmbedding embedding = model.modules().OfType<TokenEmbedding>().First();
        embedding.register_forward_pre_hook((_, input) =>
        {
            tokens += input.numel();
            return input;
        });

        AssertEqual(alone, reference.SumEach(Texts));
        Assert.Equal(isShared ? 10 + Texts.Sum(text => text.Ids.Length - 10) : Texts.Sum(text => text.Ids.Length), tokens);
    }

    [Fact]
    public void What_is_shared_ends_before_the_token_that_predicts_the_first_label()
    {
        SharedBeginning found = SharedBeginning.Of(Texts)!;

        Assert.Equal(Texts[0].Ids[..10], found.Ids);
        Assert.Equal([[10, 20, 21], [10, 30]], found.Following.Take(2).Select(text => text.Ids));
        Assert.All(Texts.Zip(found.Following), pair => Assert.Equal(pair.First.TargetCount, pair.Second.TargetCount));
        Assert.Null(SharedBeginning.Of([Texts[0]]));
        Assert.Null(SharedBeginning.Of([Texts[0], Texts[1] with { Ids = [9, .. Texts[1].Ids.Skip(1)] }]));
        Assert.Null(SharedBeginning.Of([.. Texts.Select(text => text with { Labels = [.. text.Ids] })]));
    }

    private static void AssertEqual(IReadOnlyList<LossSum> expected, IReadOnlyList<LossSum> found)
    {
        Assert.Equal(expected.Select(sum => sum.Hits), found.Select(sum => sum.Hits));
        Assert.All(expected.Zip(found).Zip(Texts), pair => Assert.InRange(pair.First.First.Loss - pair.First.Second.Loss, -Tolerance * pair.Second.TargetCount, Tolerance * pair.Second.TargetCount));
    }

    /// <summary>A question of eleven tokens and an answer, whose tokens alone have labels.</summary>
    private static TrainingExample Text(params int[] answer)
    {
        int[] question = [.. Enumerable.Range(0, 11)];
        return new([.. question, .. answer], [.. question.Select(_ => TrainingExample.Unsupervised), .. answer], 1);
    }
}
