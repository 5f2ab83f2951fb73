using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Turns an adapter whose start was subtracted from the base into one for the base as it is: A' = [A; A₀], B' = [B, -B₀] at twice the
/// rank, so that s · B'A' = s · (B A - B₀ A₀), with alpha raised so that s stays (PEFT's path_initial_model_for_weight_conversion).
/// </summary>
internal static class PlainConversion
{
    /// <summary>The configuration of the converted adapter; the same when nothing needs converting.</summary>
    public static LoraConfig Of(LoraConfig config)
    {
        if (!LoraInitialization.Of(config.Initialization).ChangesBase)
        {
            return config;
        }

        // alpha / r and alpha / sqrt(r) stay as they are when r doubles.
        double factor = config.UseRsLora ? Math.Sqrt(2) : 2;
        return config with
        {
            Rank = 2 * config.Rank,
            Alpha = factor * config.Alpha,
            RankPattern = Scaled(config.RankPattern, 2),
            AlphaPattern = Scaled(config.AlphaPattern, factor),
            Initialization = "true",
        };
    }

    /// <summary>The tensors of the converted adapter by their keys; those that stay as they are left out.</summary>
    public static IReadOnlyDictionary<string, Tensor> Tensors(AttachedAdapter adapter, LoraConfig config) =>
        LoraInitialization.Of(config.Initialization).ChangesBase
            ? adapter.Products.SelectMany(product => product.Doubled()).ToDictionary(entry => entry.Key, entry => entry.Value)
            : new Dictionary<string, Tensor>();

    private static LoraPatternValue[]? Scaled(LoraPatternValue[]? entries, double factor) =>
        entries is null ? null : [.. entries.Select(entry => entry with { Value = factor * entry.Value })];
}
