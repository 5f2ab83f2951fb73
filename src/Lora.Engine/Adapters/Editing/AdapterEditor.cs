using Lora.Checkpoints;
using Lora.Native;
using Lora.Selection;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Makes a changed copy of an adapter: modules left out or scaled, and ranks made smaller by singular values. What is not changed keeps its bytes; a
/// change of rank gives every module the scaling 1, as merging does.
/// </summary>
public static class AdapterEditor
{
    /// <summary>Makes the copy.</summary>
    /// <param name="adapter">The adapter, which stays as it is.</param>
    /// <param name="options">What changes.</param>
    /// <param name="progress">Told after each module.</param>
    /// <param name="cancellation">Ends the work before the next module.</param>
    /// <exception cref="LoraException">PatternInvalid, AdapterWeightsInvalid, or EditRefused with everything that is in the way; EditRefused too for a module
    /// whose values would not be finite.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static LoraAdapterEdit Edit(
        LoraAdapter adapter, EditOptions options, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(options);
        ModuleFilter filter = new(options.Include, options.Exclude);
        LoraException.ThrowIfAny([.. options.ScalePattern.SelectMany(entry => ModulePattern.Problems(entry.Pattern)), .. AdapterWeightRules.Check(adapter.Config, adapter.Tensors, adapter.Label)]);
        IReadOnlyDictionary<string, FactorPair> pairs = FactorPair.Of(adapter);
        HashSet<string> kept = new(filter.Apply(pairs.Keys).Selected, StringComparer.Ordinal);
        LoraException.ThrowIfAny(EditRules.Check(adapter, options, [.. pairs.Keys], kept));

        TorchLibrary.Load();
        using ThreadCount threads = ThreadCount.Use(options.Thread);
        using IDisposable noGradient = no_grad();
        bool isPlain = !PlainFactors.Obstacles(adapter).Any();
        List<(LoraModuleEdit Module, double Energy)> edits = [];
        Dictionary<string, IReadOnlyList<TensorData>> changed = new(StringComparer.Ordinal);
        foreach ((string name, FactorPair pair) in pairs)
        {
            cancellation.ThrowIfCancellationRequested();
            // With DoRA and the like the change is another than s B A, whose singular values would tell nothing of it.
            double[] values = isPlain ? FactorMeasures.SingularValues(pair) : [];
            BlockPlace? place = BlockPlace.Of(name);
            LoraModuleEdit edit = new() { Name = name, Block = place?.Name, Layer = place?.Block, RankBefore = (int)pair.Rank };
            if (kept.Contains(name))
            {
                edit = edit with { Rank = RankOf(pair, values, options), Scale = FactorOf(name, options) };
                edit = edit with { Retained = options.Truncates ? Share(values, edit.Rank.Value) : 1 };
                changed[name] = Finite(name, Change(pair, edit, options.Truncates));
            }

            edits.Add((edit, FactorMeasures.Energy(values)));
            progress?.Report(new("Editing", edits.Count, pairs.Count, WorkUnit.Module, name));
        }

        TensorData[] tensors = [.. Tensors(adapter, pairs, changed)];
        return new()
        {
            Adapter = new() { Config = EditedConfig.Of(adapter, [.. edits.Select(edit => edit.Module)], options.Truncates), Tensors = tensors, ChatTemplate = adapter.ChatTemplate, Labels = adapter.Labels },
            Module = [.. edits.Select(edit => edit.Module)],
            ParameterBefore = adapter.ParameterCount,
            ParameterCount = tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (count, size) => count * size)),
            Retained = isPlain ? Whole(edits) : null,
        };
    }

    private static double FactorOf(string name, EditOptions options) =>
        options.ScalePattern.FirstOrDefault(entry => ModulePattern.Parse(entry.Pattern).IsMatch(name))?.Value ?? options.Scale;

    /// <summary>The smallest rank that keeps the share (PEFT's convert_to_lora counts it so), no larger than the one that is asked for; at least 1.</summary>
    private static int RankOf(FactorPair pair, double[] values, EditOptions options)
    {
        if (!options.Truncates)
        {
            return (int)pair.Rank;
        }

        // B A has no more directions than singular values.
        int most = Math.Min(options.Rank ?? int.MaxValue, values.Length);
        return Enumerable.Range(1, most).FirstOrDefault(rank => options.Retain is double share && Share(values, rank) >= share, most);
    }

    // The last bits of a sum are not the change's.
    private static double Share(double[] values, int rank) =>
        rank >= values.Length || FactorMeasures.Energy(values) == 0 ? 1 : FactorMeasures.Energy(values[..rank]) / FactorMeasures.Energy(values);

    private static double Whole(List<(LoraModuleEdit Module, double Energy)> edits)
    {
        double whole = edits.Sum(edit => edit.Energy);
        return whole == 0 ? 1 : edits.Sum(edit => edit.Energy * edit.Module.Retained) / whole;
    }

    /// <summary>A and B of a module that stays: as they are, B scaled, or the leading directions of both.</summary>
    private static IReadOnlyList<TensorData> Change(FactorPair pair, LoraModuleEdit edit, bool truncates)
    {
        using DisposeScope scope = NewDisposeScope();
        if (truncates)
        {
            SingularDirections directions = SingularDirections.OfProduct(
                pair.DownMatrix().to(ScalarType.Float64), pair.UpMatrix().to(ScalarType.Float64).Times(pair.Scaling));
            Tensor down = directions.Right.narrow(0, 0, edit.Rank!.Value); // [rank, in]
            Tensor up = directions.Left.narrow(1, 0, edit.Rank.Value) * directions.Values.narrow(0, 0, edit.Rank.Value); // [out, rank]
            return [.. pair.With(down, up.Times(edit.Scale!.Value))];
        }

        // A keeps its bytes where a factor alone changes.
        return edit.Scale == 1 ? [pair.Down, pair.Up] : [pair.Down, .. pair.With(pair.DownMatrix(), pair.UpMatrix().Times(edit.Scale!.Value)).Skip(1)];
    }

    private static IReadOnlyList<TensorData> Finite(string module, IReadOnlyList<TensorData> tensors) => tensors.All(FiniteValues.AreAllOf)
        ? tensors
        : throw LoraException.Of(LoraError.EditRefused, module, module, "it would have values that are not finite");

    /// <summary>The tensors in their order: those of modules that were left out are gone, with biases and magnitudes.</summary>
    private static IEnumerable<TensorData> Tensors(
        LoraAdapter adapter, IReadOnlyDictionary<string, FactorPair> pairs, Dictionary<string, IReadOnlyList<TensorData>> changed)
    {
        ParameterKeys parameters = new(adapter.Config, adapter.Tensors.Select(tensor => tensor.Name));
        Dictionary<(string, string), string> owners = ParameterKeys.Owners(pairs.Where(pair => changed.ContainsKey(pair.Key)).Select(pair => pair.Value.Parameter).OfType<(string, string)>());
        foreach (TensorData tensor in adapter.Tensors)
        {
            string module = parameters.Of(tensor.Name);
            if (!pairs.TryGetValue(module, out FactorPair? pair))
            {
                yield return tensor;
            }
            else if (changed.TryGetValue(module, out IReadOnlyList<TensorData>? values))
            {
                TensorData value = values.FirstOrDefault(value => value.Name == tensor.Name) ?? tensor;
                // With fewer parameters of a module adapted PEFT puts fewer wrappers around them, and names are less deep.
                yield return pair.Parameter is null ? value : value with { Name = PeftKey.Of(owners[pair.Parameter.Value], value.Name[value.Name.LastIndexOf(".lora_", StringComparison.Ordinal)..][1..]) };
            }
        }
    }
}
