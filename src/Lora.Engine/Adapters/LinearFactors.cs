using Lora.Models;

namespace Lora.Adapters;

/// <summary>Adapters of linear layers by products of A and B, and magnitudes of their outputs, which code that is written by hand computes.</summary>
internal static class LinearFactors
{
    /// <summary>The factors by the names of the modules, or why there are others than such.</summary>
    /// <param name="layers">All layers that are on a model.</param>
    public static (IReadOnlyDictionary<string, LowRankFactors>? Factors, string? Reason) Of(IEnumerable<AdaptedLayer> layers)
    {
        Dictionary<string, LowRankFactors> factors = new(StringComparer.Ordinal);
        foreach (AdaptedLayer layer in layers)
        {
            // Biases, embeddings and whole modules change more than a product adds; modules' hooks follow whatever layers do.
            if (Of(layer) is not LowRankFactors found)
            {
                return (null, $"'{layer.Name}' is adapted by more than A, B and magnitudes of a linear layer");
            }

            // Joined factors have one place for each layer; sums of several adapters are left to the modules' hooks.
            if (!factors.TryAdd(layer.Name, found))
            {
                return (null, $"several adapters change '{layer.Name}'");
            }
        }

        return (factors, null);
    }

    private static LowRankFactors? Of(AdaptedLayer layer) => layer switch
    {
        LoraLayer { Product: LinearProduct product } => product.Factors,
        DoraLayer { Product: LinearProduct { Factors: LowRankFactors found } } dora => found with { Magnitude = dora.Magnitude },
        _ => null,
    };
}
