using Lora.Models;

namespace Lora.Bench;

/// <summary>A linear layer of a block.</summary>
/// <param name="Layer">Its name within the block.</param>
/// <param name="Inputs">Columns of its matrix.</param>
/// <param name="Outputs">Rows of its matrix.</param>
/// <param name="Share">The part of the tokens that go through it.</param>
internal sealed record BlockProduct(string Layer, long Inputs, long Outputs, double Share = 1)
{
    /// <summary>Those of a block: attention's, and an MLP's or those of each expert of a mixture. A router's product is too small to count.</summary>
    public static IEnumerable<BlockProduct> In(DecoderSizes sizes, MlpShape mlp)
    {
        long queries = sizes.Heads * sizes.HeadDimension;
        long keys = sizes.KeyValueHeads * sizes.HeadDimension;
        IEnumerable<BlockProduct> attention =
        [
            new("self_attn.q_proj", sizes.HiddenSize, queries), new("self_attn.k_proj", sizes.HiddenSize, keys),
            new("self_attn.v_proj", sizes.HiddenSize, keys), new("self_attn.o_proj", queries, sizes.HiddenSize),
        ];
        return attention.Concat(mlp is MixtureShape { Experts: SeparateExpertsShape experts } mixture
            ? experts.All.SelectMany(expert => Gated($"mlp.experts.{expert.Name}", expert, mixture.Router.Chosen / (double)experts.Count))
            : Gated("mlp", (GatedMlpShape)mlp, 1));
    }

    private static BlockProduct[] Gated(string name, GatedMlpShape mlp, double share) =>
    [
        new(name + ".gate_proj", mlp.HiddenSize, mlp.IntermediateSize, share), new(name + ".up_proj", mlp.HiddenSize, mlp.IntermediateSize, share),
        new(name + ".down_proj", mlp.IntermediateSize, mlp.HiddenSize, share),
    ];
}
