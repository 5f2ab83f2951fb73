using Lora.Checkpoints;
using Lora.Models;
using Lora.Selection;

namespace Lora.Adapters;

/// <summary>Whether an adapter's weights fit its own configuration; the model is not asked.</summary>
internal static class AdapterWeightRules
{
    private const string Prefix = "base_model.model.";
    private static readonly (string A, string B)[] Pairs = [(".lora_A.weight", ".lora_B.weight"), (".lora_embedding_A", ".lora_embedding_B")];

    public static IReadOnlyList<LoraProblem> Check(LoraConfig config, IReadOnlyList<TensorData> tensors, string source)
    {
        PatternTable ranks = new(config.RankPattern);
        Dictionary<string, long[]> shapes = tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Shape, StringComparer.Ordinal);
        List<string> reasons = [.. shapes.Keys.Where(name => !name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => $"the name '{name}' does not begin with '{Prefix}'")];
        reasons.AddRange(tensors.Where(tensor => !TensorType.IsKnown(tensor.DataType))
            .Select(tensor => $"'{tensor.Name}' has the dtype {tensor.DataType.ToName()}, which is none of {TensorType.Names}"));
        foreach ((string name, string ending, string otherEnding, int rankAxis) in Halves(shapes.Keys))
        {
            string module = name[..^ending.Length];
            int rank = (int)ranks.ValueOf(module.StartsWith(Prefix, StringComparison.Ordinal) ? module[Prefix.Length..] : module, config.Rank);
            long[] shape = shapes[name];
            if (!shapes.ContainsKey(module + otherEnding))
            {
                reasons.Add($"'{name}' has no '{module + otherEnding}' beside it");
            }

            if (shape.Length < 2 || shape[rankAxis] != rank)
            {
                reasons.Add($"'{name}' has the shape [{string.Join(", ", shape)}], which is not of the rank {rank}");
            }
        }

        return [.. reasons.Select(reason => new LoraProblem(LoraError.AdapterWeightsInvalid, source, source, reason))];
    }

    /// <summary>The A and B tensors; the rank is A's first axis and B's second.</summary>
    private static IEnumerable<(string Name, string Ending, string OtherEnding, int RankAxis)> Halves(IEnumerable<string> names) =>
        from name in names
        from pair in Pairs
        from half in new[] { (Ending: pair.A, Other: pair.B, Axis: 0), (Ending: pair.B, Other: pair.A, Axis: 1) }
        where name.EndsWith(half.Ending, StringComparison.Ordinal)
        select (name, half.Ending, half.Other, half.Axis);
}
