using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Makes one adapter out of several (PEFT's add_weighted_adapter). The scaling of each goes into the result's weights, whose own scaling
/// is 1; an adapter that lacks a module adds nothing there. The adapters are not changed.
/// </summary>
public static class AdapterCombination
{
    /// <summary>Combines adapters of one base model.</summary>
    /// <param name="adapters">The adapters.</param>
    /// <param name="options">How.</param>
    /// <exception cref="LoraException">CombinationRefused, with everything that is in the way.</exception>
    public static LoraAdapter Combine(IReadOnlyList<LoraAdapter> adapters, CombinationOptions options)
    {
        ArgumentNullException.ThrowIfNull(adapters);
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyDictionary<string, FactorPair>[] pairs = [.. adapters.Select(FactorPair.Of)];
        LoraException.ThrowIfAny(CombinationRules.Check(adapters, options, pairs));
        TorchLibrary.Load();
        using IDisposable noGradient = no_grad();
        using Generator generator = new((ulong)options.Seed, CPU);
        ModuleCombination combination = new(options, new(options, generator));
        double[] weights = options.Weight ?? [.. adapters.Select(_ => 1.0)];
        Dictionary<string, (FactorPair Form, Tensor Down, Tensor Up)> results = [];
        using DisposeScope scope = NewDisposeScope();
        foreach (string module in pairs.SelectMany(adapter => adapter.Keys).Distinct())
        {
            WeightedPair[] parts = [.. pairs.Zip(weights)
                .Where(part => part.First.ContainsKey(module))
                .Select(part => new WeightedPair(part.First[module], part.Second))];
            (Tensor down, Tensor up) = combination.Combine(parts);
            results.Add(module, (parts[0].Pair, down, up));
        }

        return new()
        {
            Config = CombinedConfig.Of(adapters, results.ToDictionary(entry => entry.Key, entry => (int)entry.Value.Down.shape[0])),
            Tensors = [.. results.Values.SelectMany(result => result.Form.With(result.Down, result.Up))],
        };
    }
}
