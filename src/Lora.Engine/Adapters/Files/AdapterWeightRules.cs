using System.Text.RegularExpressions;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Selection;

namespace Lora.Adapters;

/// <summary>Whether an adapter's weights fit its own configuration, and a model's modules.</summary>
internal static partial class AdapterWeightRules
{
    private static readonly (string A, string B)[] Pairs = [(".lora_A.weight", ".lora_B.weight"), (".lora_embedding_A", ".lora_embedding_B")];

    /// <summary>A problem for each cause; the model is not asked.</summary>
    /// <param name="config">The adapter's configuration.</param>
    /// <param name="tensors">Its tensors.</param>
    /// <param name="source">Where they are from, for messages.</param>
    public static IReadOnlyList<LoraProblem> Check(LoraConfig config, IReadOnlyList<TensorData> tensors, string source)
    {
        TensorFaults faults = new(source, source);
        foreach (TensorData tensor in tensors)
        {
            CheckName(tensor.Name, faults);
            if (!TensorType.IsKnown(tensor.DataType))
            {
                faults.Add(tensor.Name, $"the dtype is {tensor.DataType.ToName()}, which is none of {TensorType.Names}");
            }
        }

        foreach (TensorData rows in tensors.Where(tensor => PeftKey.IsOfTokens(tensor.Name)))
        {
            int[] ids = TokenTargets.IdsOf(config, PeftKey.Module(rows.Name));
            if (rows.Shape.Length != 2 || rows.Shape[0] != ids.Length)
            {
                faults.Add(rows.Name, $"the shape is [{string.Join(", ", rows.Shape)}], and trainable_token_indices has {ids.Length} tokens for it");
            }
        }

        CheckRanks(config, tensors, faults);
        return faults.Problems();
    }

    /// <summary>Whether A and B are for the sizes of a model's linear layers, as one problem. Those outside of blocks may be for a vocabulary that is taken over.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="modules">The modules that it is for, as headers describe them.</param>
    public static IReadOnlyList<LoraProblem> CheckSizes(LoraAdapter adapter, IEnumerable<LoraModuleInfo> modules)
    {
        TensorFaults faults = new(adapter.Path, adapter.Label);
        Dictionary<string, long[]> shapes = adapter.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Shape, StringComparer.Ordinal);
        foreach (LoraModuleInfo module in modules.Where(module => module is { Layer: not null, Parameter: null, Kind: LoraModuleKind.Linear or LoraModuleKind.Conv1D }))
        {
            Check(module, "lora_A.weight", 1, module.InFeatures);
            Check(module, "lora_B.weight", 0, module.OutFeatures);
        }

        return faults.Problems();

        void Check(LoraModuleInfo module, string tensor, int axis, long? size)
        {
            string name = PeftKey.Of(module.Name, tensor);
            if (size is long expected && shapes.TryGetValue(name, out long[]? shape) && shape.Length == 2 && shape[axis] != expected)
            {
                faults.Add(name, "the shape is not the one that the model's module takes", $"[{string.Join(", ", shape)}]; the module has {expected} {(axis == 1 ? "inputs" : "outputs")}");
            }
        }
    }

    private static void CheckName(string name, TensorFaults faults)
    {
        if (!name.StartsWith(PeftKey.Prefix, StringComparison.Ordinal))
        {
            faults.Add(name, $"the name does not begin with '{PeftKey.Prefix}'");
        }

        if (AdapterName().Match(name) is { Success: true } infix)
        {
            faults.Add(name, $"the name holds '.{infix.Groups["adapter"].Value}', an adapter's name in a running model, which PEFT's files leave out");
        }
    }

    private static void CheckRanks(LoraConfig config, IReadOnlyList<TensorData> tensors, TensorFaults faults)
    {
        PatternTable ranks = new(config.RankPattern);
        ParameterKeys parameters = new(config, tensors.Select(tensor => tensor.Name));
        parameters.Unclear.ForEach(module => faults.Add(PeftKey.Prefix + module, "its tensors are those of parameters, and target_parameters does not tell of which"));
        Dictionary<string, long[]> shapes = tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Shape, StringComparer.Ordinal);
        foreach ((string name, string ending, string otherEnding, int rankAxis) in Halves(shapes.Keys))
        {
            string module = name[..^ending.Length];
            long[] shape = shapes[name];
            if (!shapes.ContainsKey(module + otherEnding))
            {
                faults.Add(name, $"there is no '{otherEnding[1..]}' beside it");
            }

            string owner = module.StartsWith(PeftKey.Prefix, StringComparison.Ordinal) ? module[PeftKey.Prefix.Length..] : module;
            int rank = (int)ranks.ValueOf(parameters.NameOf(owner), config.Rank);
            // PEFT has the experts' ranks side by side: A is [experts * rank, in], B [out, rank * experts].
            bool isStack = parameters.Find(owner) is not null;
            if (shape.Length < 2)
            {
                faults.Add(name, $"the shape is [{string.Join(", ", shape)}], which is no matrix");
            }
            else if (isStack && (shape[rankAxis] == 0 || shape[rankAxis] % rank != 0))
            {
                faults.Add(name, $"the experts' ranks are {shape[rankAxis]} together, which is no multiple of {rank}, the rank in the configuration");
            }
            else if (!isStack && shape[rankAxis] != rank)
            {
                faults.Add(name, $"the rank is {shape[rankAxis]}, and {rank} in the configuration");
            }
        }
    }

    /// <summary>The A and B tensors; the rank is A's first axis and B's second.</summary>
    private static IEnumerable<(string Name, string Ending, string OtherEnding, int RankAxis)> Halves(IEnumerable<string> names) =>
        from name in names
        from pair in Pairs
        from half in new[] { (Ending: pair.A, Other: pair.B, Axis: 0), (Ending: pair.B, Other: pair.A, Axis: 1) }
        where name.EndsWith(half.Ending, StringComparison.Ordinal)
        select (name, half.Ending, half.Other, half.Axis);

    /// <summary><c>.lora_A.default.weight</c> and <c>.lora_embedding_A.default</c>, as a model with the adapter on it calls them.</summary>
    [GeneratedRegex(@"\.lora_(?:[AB]\.(?<adapter>[^.]+)\.(?:weight|bias)|embedding_[AB]\.(?<adapter>[^.]+))\z", RegexOptions.CultureInvariant)]
    private static partial Regex AdapterName();
}
