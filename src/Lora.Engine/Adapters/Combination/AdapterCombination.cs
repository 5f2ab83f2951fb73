using Lora.Checkpoints;
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
    /// <param name="progress">Told after each module.</param>
    /// <param name="cancellation">Ends the work before the next module.</param>
    /// <exception cref="LoraException">AdapterWeightsInvalid or CombinationRefused, with everything that is in the way; CombinationRefused
    /// too for a module whose result would have values that are not finite.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static LoraAdapter Combine(
        IReadOnlyList<LoraAdapter> adapters, CombinationOptions options, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(adapters);
        ArgumentNullException.ThrowIfNull(options);
        LoraException.ThrowIfAny([.. adapters.SelectMany(adapter => AdapterWeightRules.Check(adapter.Config, adapter.Tensors, adapter.Label))]);
        IReadOnlyDictionary<string, FactorPair>[] pairs = [.. adapters.Select(FactorPair.Of)];
        LoraException.ThrowIfAny(CombinationRules.Check(adapters, options, pairs));
        TorchLibrary.Load();
        using ThreadCount threads = ThreadCount.Use(options.Thread);
        using IDisposable noGradient = no_grad();
        using Generator generator = new((ulong)options.Seed, CPU);
        ModuleCombination combination = new(options, new(options, generator));
        double[] weights = options.Weight ?? [.. adapters.Select(_ => 1.0)];
        string[] modules = [.. pairs.SelectMany(adapter => adapter.Keys).Distinct()];
        Dictionary<string, int> ranks = [];
        List<TensorData> tensors = [];
        foreach (string module in modules)
        {
            cancellation.ThrowIfCancellationRequested();
            WeightedPair[] parts = [.. pairs.Zip(weights)
                .Where(part => part.First.ContainsKey(module))
                .Select(part => new WeightedPair(part.First[module], part.Second))];
            // One for each module: of its matrices only the managed copies of the result stay.
            using DisposeScope scope = NewDisposeScope();
            (Tensor down, Tensor up) = combination.Combine(module, parts);
            ranks.Add(module, (int)down.shape[0]);
            tensors.AddRange(parts[0].Pair.With(down, up));
            progress?.Report(new("Merging", ranks.Count, modules.Length, WorkUnit.Module, module));
        }

        return new() { Config = CombinedConfig.Of(adapters, ranks), Tensors = tensors, ChatTemplate = Templates(adapters) is [string only] ? only : null, Labels = adapters[0].Labels };
    }

    private static string[] Templates(IEnumerable<LoraAdapter> adapters) => [.. adapters.Select(adapter => adapter.ChatTemplate).OfType<string>().Distinct(StringComparer.Ordinal)];

    /// <summary>What is surprising about combining these adapters: they name different base models, or learned conversations by different templates.</summary>
    /// <param name="adapters">The adapters; one that names no model is left out.</param>
    /// <returns>Messages, or nothing.</returns>
    public static IEnumerable<string> Warnings(IEnumerable<LoraAdapter> adapters)
    {
        string[] models = [.. adapters
            .Select(adapter => adapter.Config.BaseModelNameOrPath ?? adapter.Config.Model)
            .OfType<string>()
            .Select(Path.TrimEndingDirectorySeparator)
            .Distinct(StringComparer.Ordinal)];
        if (models.Length > 1)
        {
            yield return $"The adapters name different base models: {string.Join(", ", models.Select(model => $"'{model}'"))}. "
                + "A combination is of use when they are one model.";
        }

        if (Templates(adapters).Length > 1)
        {
            yield return "The adapters were trained on conversations of different chat templates: the combination has none of them.";
        }
    }
}
