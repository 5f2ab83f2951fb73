using System.Globalization;
using Lora.Checkpoints;

namespace Lora.Adapters;

/// <summary>Whether adapters are pairs of A and B, whose products can be computed with, and nothing more.</summary>
internal static class PlainFactors
{
    private const int Shown = 3;

    /// <summary>Everything that keeps an adapter from being computed with.</summary>
    public static IEnumerable<string> Obstacles(LoraAdapter adapter) => Features(adapter).Concat(Values(adapter));

    /// <summary>What is more than A and B: it can be neither added up nor taken apart.</summary>
    public static IEnumerable<string> Features(LoraAdapter adapter)
    {
        LoraConfig config = adapter.Config;
        string name = adapter.Label;
        if (config.UseDora)
        {
            yield return $"'{name}' uses DoRA";
        }

        if (config.UseLoraBias || config.Bias != LoraBias.None)
        {
            yield return $"'{name}' trains biases";
        }

        // Copies of the base's weights beside adapted modules do without; whole tables are of another vocabulary.
        if (AdapterContents.Of(adapter).Copies.FirstOrDefault(copy => !PeftKey.IsOfBase(copy.Name)) is TensorData table)
        {
            yield return $"'{name}' holds '{table.Name}' whole";
        }

        if (adapter.Tensors.FirstOrDefault(tensor => PeftKey.IsOfTokens(tensor.Name)) is TensorData rows)
        {
            yield return $"'{name}' trains single tokens ('{rows.Name}')";
        }

        if (config.ModulesToSave is { Length: > 0 })
        {
            yield return $"'{name}' trains modules whole";
        }

        if (LoraInitialization.Of(config.Initialization).ChangesBase)
        {
            yield return $"'{name}' belongs to a base that its initialisation '{config.Initialization}' changed";
        }
    }

    /// <summary>That an adapter has stacks of factors, one pair an expert, where one matrix A and one B are needed.</summary>
    public static IEnumerable<string> Stacks(LoraAdapter adapter) =>
        adapter.Config.TargetParameter is { Length: > 0 } ? [$"'{adapter.Label}' adapts parameters by themselves (target_parameters)"] : [];

    /// <summary>A NaN would spread through the sum, and a tensor of another kind would be lost in it.</summary>
    private static IEnumerable<string> Values(LoraAdapter adapter)
    {
        string name = adapter.Label;
        // An adapter with features has such tensors because of them, which Features has told already.
        bool isPlain = !Features(adapter).Any();
        foreach (TensorData tensor in adapter.Tensors)
        {
            if (isPlain && !FactorPair.IsFactor(tensor.Name))
            {
                yield return $"'{name}' has '{tensor.Name}', which is neither A nor B";
            }

            if (!FiniteValues.AreAllOf(tensor))
            {
                yield return $"'{tensor.Name}' of '{name}' has values that are not finite";
            }
        }
    }

    /// <summary>That modules have other shapes in one adapter than in another, which then are not of one base model.</summary>
    public static IEnumerable<string> DifferentShapes(IReadOnlyList<IReadOnlyDictionary<string, FactorPair>> pairs)
    {
        // Without the rank: whether that may differ, each method says for itself.
        string[] names = [.. Differing(pairs, pair => (string.Join(',', pair.Down.Shape[1..]), pair.Up.Shape[0], pair.Down.Name))];
        if (names.Length > 0)
        {
            yield return $"their shapes differ at {Names(names)}";
        }
    }

    /// <summary>The modules of which the adapters have not all the same.</summary>
    public static IEnumerable<string> Differing<T>(IReadOnlyList<IReadOnlyDictionary<string, FactorPair>> pairs, Func<FactorPair, T> key) => pairs
        .SelectMany(adapter => adapter)
        .GroupBy(entry => entry.Key, entry => entry.Value)
        .Where(module => module.DistinctBy(key).Count() > 1)
        .Select(module => module.Key);

    /// <summary>The first names, and how many more there are.</summary>
    public static string Names(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(Shown).Select(name => $"'{name}'"))
        + (names.Count > Shown ? string.Create(CultureInfo.InvariantCulture, $" and {names.Count - Shown} more") : "");
}
