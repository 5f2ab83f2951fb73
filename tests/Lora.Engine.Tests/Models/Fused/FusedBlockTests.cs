using Lora.Models;

namespace Lora.Tests.Models;

/// <summary>What the fused step does not compute is left to autograd, whatever family asks for it.</summary>
public class FusedBlockTests
{
    private static readonly ModelShape Llama = (ModelShape)ModelConfigReader.Read(Repository.Fixture("families", "llama3"));

    private static readonly Dictionary<string, Func<ModelShape, ModelShape>> Changes = new()
    {
        ["a norm of embeddings"] = model => model with { Embedding = model.Embedding with { Norm = model.FinalNorm } },
        ["narrow embeddings"] = model => model with { Embedding = model.Embedding with { Width = 8, Projection = "project_in" }, OutputProjection = "project_out" },
        ["a bias of the head whose logits are scaled"] = model => model with { Head = model.Head with { Bias = true, Scale = 0.5 } },
        ["a bias of the head whose logits are capped"] = model => model with { Head = model.Head with { Bias = true, Cap = 30 } },
        ["no norm at the end"] = model => model with { FinalNorm = null },
        ["neighbours in pairs"] = model => InAttention(model, attention => attention with { Rope = attention.Rope! with { IsInterleaved = true } }),
        ["no rotation but a bias by position"] = model => InAttention(model, attention => attention with { Rope = null, Alibi = new(1, false) }),
        ["a rotation and a bias by position"] = model => InAttention(model, attention => attention with { Alibi = new(1, false) }),
        ["several weights inputs first"] = model => InAttention(model, attention => attention with { IsConv1D = true }),
        ["norms of heads with a mean"] = model => InAttention(model, attention => attention with { QueryNorm = Centred(attention.HeadDimension), KeyNorm = Centred(attention.HeadDimension) }),
        ["norms of q alone"] = model => InAttention(model, attention => attention with { QueryNorm = Norm(attention.HeadDimension) }),
        ["norms of all heads of q, and of parts of those of k"] = model => InAttention(model, attention => attention with { QueryNorm = Norm(attention.QueryWidth), KeyNorm = Norm(4) }),
        ["norms of parts of heads"] = model => InAttention(model, attention => attention with { QueryNorm = Norm(4), KeyNorm = Norm(4) }),
        ["a plain MLP with another activation"] = model => InBlocks(model, block => block with { Mlp = Plain("tanh") }),
        ["a plain MLP with a bias whose sum is scaled"] = model => InBlocks(model, block => block with { Mlp = Plain("gelu"), ResidualScale = 0.5 }),
        ["a norm of the sum"] = model => model with { Blocks = [.. model.Blocks.Cast<PreNormShape>().Select(block => new PostNormShape(block.Attention, block.AttentionNorm, block.Mlp, block.MlpNorm))] },
    };

    public static TheoryData<string> Others { get; } = [.. Changes.Keys];

    [Fact]
    public void Llama_is_served() => Assert.Equal(Llama.Blocks.Count, FusedBlock.In(Llama)!.Length);

    [Fact]
    public void Norms_behind_attention_and_MLP_and_caps_of_scores_and_logits_are_served()
    {
        ModelShape model = InAttention(Llama, attention => attention with { ScoreCap = 50 });

        Assert.All(FusedBlock.In(model)!, block => Assert.Equal(50, block.Heads.Cap));
        Assert.All(FusedBlock.In(FourNorms(model, norm => norm))!, block => Assert.NotNull(block.OutputNorms));
        Assert.NotNull(FusedBlock.In(model with { Head = model.Head with { Cap = 30 } }));
    }

    [Fact]
    public void Norms_behind_attention_and_MLP_alone_and_of_all_heads_at_once_or_of_each_are_served()
    {
        ModelShape behind = Llama with { Blocks = [.. Llama.Blocks.Cast<PreNormShape>().Select(block => new OutputNormShape(block.Attention, block.AttentionNorm, block.Mlp, block.MlpNorm))] };
        ModelShape whole = InAttention(Llama, attention => attention with { QueryNorm = Norm(attention.QueryWidth), KeyNorm = Norm(attention.KeyWidth) });

        ModelShape each = InAttention(Llama, attention => attention with { QueryNorm = Norm(attention.HeadDimension), KeyNorm = Norm(attention.HeadDimension) });

        Assert.All(new[] { behind, whole, each }, model => Assert.NotNull(FusedBlock.In(model)));
    }

    [Fact]
    public void Norms_that_take_the_mean_away_plain_MLPs_and_both_side_by_side_are_served()
    {
        ModelShape centred = InBlocks(Llama, block => block with { AttentionNorm = Centred(48), MlpNorm = Centred(48), Mlp = Plain("relu") });
        ModelShape learned = centred with { Embedding = centred.Embedding with { Positions = new("wpe", 64) }, FinalNorm = Centred(48), Head = centred.Head with { Bias = true } };
        ModelShape packed = InAttention(learned, attention => attention with { Order = PackedOrder.Heads, Projections = ["query_key_value"], IsConv1D = true });
        ModelShape beside = learned with { Blocks = [.. learned.Blocks.Cast<PreNormShape>().Select(block => new ParallelShape(block.AttentionNorm, block.Attention, null, block.Mlp))] };

        Assert.All(new[] { centred, learned, packed, beside }, model => Assert.NotNull(FusedBlock.In(model)));
        Assert.All(FusedBlock.In(beside)!, block => Assert.True(block.SharesNorm));
        Assert.All(FusedBlock.In(packed)!, block => Assert.False(block.SharesNorm));
    }

    [Fact]
    public void Each_block_knows_which_of_the_model_s_rotations_is_its_own()
    {
        Assert.Equal([0, null, 1], Rotations(new(50), null, new(10_000)));
        Assert.Equal([0, 1, 0], Rotations(new(50) { Scaling = RopeScaling.Linear, Factor = 8 }, new(50), new(50) { Scaling = RopeScaling.Linear, Factor = 8 }));
        Assert.Equal([null, null, null], Rotations(null, null, null));

        static IEnumerable<int?> Rotations(params RopeParameters?[] ropes)
        {
            IEnumerable<PreNormShape> blocks = Llama.Blocks.Cast<PreNormShape>().Zip(ropes, (block, rope) => block with { Attention = block.Attention with { Rope = rope } });
            return FusedBlock.In(Llama with { Blocks = [.. blocks] })!.Select(block => block.Rotation);
        }
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void Llama_with_something_else_is_not(string other) => Assert.Null(FusedBlock.In(Changes[other](Llama)));

    private static PlainMlpShape Plain(string activation) => new(8, 8, activation) { Up = "up", Down = "down" };

    private static NormShape Centred(int width) => Norm(width) with { Kind = NormKind.Layer };

    private static NormShape Norm(int width) => new("norm", width, 1e-6);

    private static ModelShape FourNorms(ModelShape model, Func<NormShape, NormShape> last) => model with
    {
        Blocks = [.. model.Blocks.Cast<PreNormShape>().Select(block => new FourNormShape(block.AttentionNorm, block.Attention, block.MlpNorm, block.MlpNorm, block.Mlp, last(block.MlpNorm)))],
    };

    private static ModelShape InBlocks(ModelShape model, Func<PreNormShape, PreNormShape> change) =>
        model with { Blocks = [.. model.Blocks.Cast<PreNormShape>().Select(change)] };

    private static ModelShape InAttention(ModelShape model, Func<AttentionShape, AttentionShape> change) =>
        InBlocks(model, block => block with { Attention = change(block.Attention) });
}
