using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Quantization;
using Lora.Selection;

namespace Lora.Export;

/// <summary>What an adapter does to each tensor of a checkpoint, found out from headers; the base's weights are not read.</summary>
internal sealed class MergePlan
{
    private readonly Dictionary<string, (ModuleMerge Module, string Parameter)> changes = new(StringComparer.Ordinal);

    private MergePlan(MergedLayout layout) => Layout = layout;

    /// <summary>The tensors of the merged model.</summary>
    public MergedLayout Layout { get; }

    /// <summary>A plan of no change.</summary>
    /// <param name="layout">The tensors of the model.</param>
    public static MergePlan Unchanged(MergedLayout layout) => new(layout);

    /// <summary>Makes the plan.</summary>
    /// <param name="adapter">The adapter, fitted to the model.</param>
    /// <param name="checkpoint">The base model.</param>
    /// <param name="layout">The tensors of the merged model.</param>
    /// <param name="tree">The base model's modules.</param>
    /// <param name="problems">Takes everything that keeps the adapter from being merged.</param>
    public static MergePlan Make(LoraAdapter adapter, Checkpoint checkpoint, ModuleTree tree, MergedLayout layout, List<LoraProblem> problems)
    {
        MergePlan plan = new(layout);
        IReadOnlyList<LoraProblem> found = MergeRules.OfAdapter(adapter, checkpoint.Path);
        problems.AddRange(found);
        if (found.Count > 0)
        {
            return plan;
        }

        IReadOnlyDictionary<string, FactorPair> factors = FactorPair.Of(adapter);
        ParameterKeys parameters = new(adapter.Config, adapter.Tensors.Select(tensor => tensor.Name));
        HashSet<string> modules = [.. adapter.Tensors.Select(tensor => AdapterPart.Of(tensor.Name, parameters).Module), .. factors.Keys];
        if (QuantizedCheckpoint.WhyNotMerged(tree, modules) is string why)
        {
            // Once, and not for each module: all of them are so.
            problems.Add(new(LoraError.MergeRefused, checkpoint.Path, checkpoint.Path, why));
            return plan;
        }

        HashSet<string> conv1D = [.. tree.Modules.Where(module => module.Kind == LoraModuleKind.Conv1D).Select(module => module.Name)];
        MergeRules rules = new(adapter, tree, layout, problems);

        // A parameter that is adapted by itself is a merge of its own, beside others of its module.
        foreach (IGrouping<(string Module, string? Parameter), (AdapterPart Part, TensorData Tensor)> module in
            adapter.Tensors.Select(tensor => (Part: AdapterPart.Of(tensor.Name, parameters), Tensor: tensor))
                .GroupBy(entry => (entry.Part.Module, factors.ContainsKey($"{entry.Part.Module}.{entry.Part.Parameter}") ? entry.Part.Parameter : null)))
        {
            FactorPair? pair = factors.GetValueOrDefault(module.Key.Parameter is null ? module.Key.Module : $"{module.Key.Module}.{module.Key.Parameter}");
            ModuleMerge merge = new(module.Key.Module)
            {
                Factors = pair,
                Layout = pair?.Parameter is (string holder, string parameter) ? LayoutOf(tree.ParameterOf(holder, parameter), tree)
                    : conv1D.Contains(module.Key.Module) || HasOutputsLast(module.Key.Module, factors, adapter.Config, tree) ? WeightLayout.OutputsLast : WeightLayout.OutputsFirst,
                Magnitude = TensorOf(AdapterPartKind.Magnitude),
                FactorBias = TensorOf(AdapterPartKind.FactorBias),
                Rows = TensorOf(AdapterPartKind.Rows) is TensorData rows ? (rows, TokenTargets.IdsOf(adapter.Config, module.Key.Module)) : null,
                Whole = module.Where(entry => entry.Part.Kind == AdapterPartKind.Whole).ToDictionary(entry => entry.Part.Parameter, entry => entry.Tensor),
            };
            foreach (string changed in module.Select(entry => entry.Part.Parameter).Distinct())
            {
                Add(merge, changed);
            }

            // A head that shares the weight has the same rows, where it has a tensor of its own.
            if (merge.Rows is not null && tree.Tied?.Embedding == merge.Name && !rules.HasRows(tree.Tied.Head) && layout.Of(tree.Tied.Head, "weight") is not null)
            {
                Add(merge with { Name = tree.Tied.Head }, "weight");
            }

            TensorData? TensorOf(AdapterPartKind kind) => module.FirstOrDefault(entry => entry.Part.Kind == kind).Tensor;
        }

        problems.AddRange(rules.Misfits);
        return plan;

        void Add(ModuleMerge merge, string changed)
        {
            if (rules.Check(merge, changed) is TensorInfo tensor)
            {
                plan.changes.Add(tensor.Name, (merge, changed));
            }
        }
    }

    private static WeightLayout LayoutOf(TensorInfo? tensor, ModuleTree tree) => WeightLayout.OfParameter(
        tensor is { Shape.Length: 3 } stack ? stack.Shape[0] : null, ExpertParameters.HaveInputsFirst(tree.ModelType) && tensor is { Shape.Length: 3 });

    /// <summary>Whether the adapter changes a tensor of the checkpoint, and how.</summary>
    public bool TryFind(string tensor, out (ModuleMerge Module, string Parameter) change) => changes.TryGetValue(tensor, out change);

    /// <summary>
    /// Beside a Conv1D, which is known by the model's type, an embedding has its outputs last, which its keys tell. Of a model without a
    /// type the configuration says that there are modules of that layout, and the shapes say which.
    /// </summary>
    private static bool HasOutputsLast(string module, IReadOnlyDictionary<string, FactorPair> factors, LoraConfig config, ModuleTree tree) =>
        factors.TryGetValue(module, out FactorPair? pair)
        && (pair.Down.Name.EndsWith("lora_embedding_A", StringComparison.Ordinal)
            || (tree.ModelType is null && config.FanInFanOut
                && WeightLayout.OutputsLast.ShapeOf(pair.Down.Shape, pair.Up.Shape).AsSpan().SequenceEqual(tree.Nodes.GetValueOrDefault(module)?.Weight?.Shape)));
}
