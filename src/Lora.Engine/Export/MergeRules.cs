using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;

namespace Lora.Export;

/// <summary>Everything that keeps an adapter from being added to a checkpoint, found from headers and the adapter's own values.</summary>
/// <param name="adapter">The adapter.</param>
/// <param name="tree">The base model's modules.</param>
/// <param name="layout">The tensors of the merged model.</param>
/// <param name="problems">Takes what is found.</param>
internal sealed class MergeRules(LoraAdapter adapter, ModuleTree tree, MergedLayout layout, List<LoraProblem> problems)
{
    private const string WayOut = "-Untie (Untie in a program) writes a model in which each has its own";

    private readonly string name = adapter.Label;
    private readonly List<string> missing = [];
    private readonly TensorFaults misfits = new(adapter.Label, adapter.Label);

    /// <summary>Modules of the adapter that the model has not, as one problem, and tensors of another shape, as another.</summary>
    public IReadOnlyList<LoraProblem> Misfits => [.. TensorFaults.OfMissing(adapter, missing), .. misfits.Problems()];

    /// <summary>What can be said of the adapter alone.</summary>
    public static IReadOnlyList<LoraProblem> OfAdapter(LoraAdapter adapter, string model)
    {
        string name = adapter.Label;
        List<LoraProblem> problems = [.. LoraConfigRules.Check(adapter.Config, name), .. AdapterWeightRules.Check(adapter.Config, adapter.Tensors, name)];
        if (adapter.Tensors.Count == 0)
        {
            problems.Add(new(LoraError.AdapterWeightsInvalid, name, name, "it holds no tensor"));
        }

        if (LoraInitialization.Of(adapter.Config.Initialization).ChangesBase)
        {
            problems.Add(Refused(model, $"it was trained on a base that its initialisation '{adapter.Config.Initialization}' had changed, and was not converted for the original"));
        }

        return problems;
    }

    /// <summary>The tensor that a change of a module's parameter goes to; null, and the reasons noted, when it cannot be made.</summary>
    public TensorInfo? Check(ModuleMerge merge, string parameter)
    {
        int before = problems.Count;
        bool fits = true;
        if (layout.Of(merge.Name, parameter) is not TensorInfo tensor)
        {
            NoteMissing(merge, parameter);
            return null;
        }

        // Rows of tokens change both modules alike, unless each has its own.
        bool isForBoth = merge.Rows is not null && merge.Factors is null && !(layout.Tied is not null && HasRows(layout.Tied.Head) && HasRows(layout.Tied.Embedding));
        if (parameter == "weight" && !isForBoth && layout.Tied?.Other(merge.Name) is string other)
        {
            problems.Add(Refused(merge.Name, $"its weight is also that of '{other}' (tie_word_embeddings); {WayOut}"));
        }

        if (!TensorType.IsKnown(tensor.DataType))
        {
            problems.Add(Refused(
                merge.Name, $"its {parameter} has the dtype {tensor.DataType.ToName()}; an adapter is merged into the original weights, of {TensorType.Names}"));
        }

        foreach ((TensorData part, long[] shape, long[] expected) in Shapes(merge, parameter, tensor))
        {
            if (!FiniteValues.AreAllOf(part))
            {
                problems.Add(Refused(merge.Name, $"'{part.Name}' has values that are not finite"));
            }

            if (!shape.AsSpan().SequenceEqual(expected))
            {
                fits = false;
                misfits.Add(part.Name, "the shape is not that of the model's weight", $"for [{string.Join(", ", shape)}], and that of '{tensor.Name}' is [{string.Join(", ", expected)}]");
            }
        }

        problems.AddRange(Incomplete(merge, parameter).Select(Misfit));
        return fits && problems.Count == before ? tensor : null;
    }

    /// <summary>Whether the adapter has rows of tokens of a module.</summary>
    public bool HasRows(string module) => adapter.Tensors.Any(tensor => PeftKey.IsOfTokens(tensor.Name) && PeftKey.Module(tensor.Name) == module);

    /// <summary>Tensors that the configuration asks for and the file lacks, or the other way about.</summary>
    private IEnumerable<string> Incomplete(ModuleMerge merge, string parameter)
    {
        bool isFactored = merge.Factors is not null;
        if (parameter == "weight" && (isFactored && adapter.Config.UseDora) != merge.Magnitude is not null)
        {
            yield return $"'{merge.Name}' {(merge.Magnitude is null ? "lacks the magnitude of DoRA" : "has a magnitude without DoRA")}";
        }

        if (parameter == "bias" && merge.FactorBias is not null && !(isFactored && adapter.Config.UseLoraBias))
        {
            yield return $"'{merge.Name}' has a bias of B that its configuration lacks";
        }
    }

    /// <summary>Each tensor of the adapter with the shape that it stands for and the shape that there is.</summary>
    private static IEnumerable<(TensorData Part, long[] Shape, long[] Expected)> Shapes(ModuleMerge merge, string parameter, TensorInfo tensor)
    {
        if (merge.Whole.TryGetValue(parameter, out TensorData? whole))
        {
            yield return (whole, whole.Shape, tensor.Shape);
        }

        if (parameter == "weight" && merge.Rows is (TensorData rows, int[] ids))
        {
            // The highest id has to have a row.
            yield return (rows, [Math.Max(tensor.Shape[0], ids.DefaultIfEmpty(-1).Max() + 1), rows.Shape[^1]], tensor.Shape);
        }

        if (parameter == merge.FactorParameter && merge.Factors is FactorPair factors)
        {
            long[] shape = merge.Layout.ShapeOf(factors.Down.Shape, factors.Up.Shape);
            yield return (factors.Down, shape, tensor.Shape);
            yield return (factors.Up, shape, tensor.Shape);
        }

        if (parameter == "weight" && merge.Magnitude is TensorData magnitude)
        {
            yield return (magnitude, [magnitude.Shape.Aggregate(1L, (count, size) => count * size)], [tensor.Shape.ElementAtOrDefault(merge.Layout.ChannelAxis)]);
        }

        if (parameter == "bias" && merge.FactorBias is TensorData bias)
        {
            yield return (bias, bias.Shape, tensor.Shape);
        }
    }

    private void NoteMissing(ModuleMerge merge, string parameter)
    {
        if (layout.Tied?.Other(merge.Name) is string other)
        {
            problems.Add(Refused(merge.Name, $"its {parameter} is that of '{other}' (tie_word_embeddings); {WayOut}"));
        }
        else if (tree.Nodes.GetValueOrDefault(merge.Name) is { Parameters.Count: > 0 })
        {
            problems.Add(Refused(merge.Name, $"the adapter has a {parameter} and the module has none"));
        }
        else
        {
            missing.Add(merge.Name);
        }
    }

    private LoraProblem Misfit(string reason) => new(LoraError.AdapterWeightsInvalid, name, name, reason);

    private static LoraProblem Refused(string module, string reason) => new(LoraError.MergeRefused, module, module, reason);
}
