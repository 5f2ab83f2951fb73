using Lora.Models;

namespace Lora.Bench;

/// <summary>A linear layer of a block.</summary>
/// <param name="Layer">Its name within the block.</param>
/// <param name="Values">Of its matrix.</param>
/// <param name="Widths">Its inputs and outputs, added up.</param>
/// <param name="Share">The part of the tokens that go through it.</param>
internal sealed record BlockProduct(string Layer, double Values, double Widths, double Share)
{
    /// <summary>Those of a model's first block. A router's product is too small to count.</summary>
    public static IEnumerable<BlockProduct> In(ModelShape model)
    {
        MixtureShape? mixture = model.Blocks[0] is PreNormShape { Mlp: MixtureShape found } ? found : null;
        Dictionary<string, long[]> weights = RequiredTensors.Of(model).ToDictionary(weight => weight.Name, weight => weight.Shape);
        return
            from product in model.Blocks[0].Products
            from name in product
            let shape = weights[$"{model.BlockPrefix}0.{name}.weight"]
            let isExpert = name.Contains($".{ExpertsShape.Name}.", StringComparison.Ordinal)
            select new BlockProduct(name, shape[0] * shape[1], shape[0] + shape[1], isExpert ? mixture!.Router.Chosen / (double)mixture.Router.Experts : 1);
    }
}
