using System.Collections.Frozen;

namespace Lora.Checkpoints;

/// <summary>What the last part of a tensor's name says about it.</summary>
internal static class ParameterName
{
    /// <summary>Tensors that old checkpoints hold though they are computed, not learned, and running statistics.</summary>
    private static readonly FrozenSet<string> Buffers =
        FrozenSet.Create(StringComparer.Ordinal, "masked_bias", "inv_freq", "position_ids", "running_mean", "running_var", "num_batches_tracked");

    /// <summary>True for <c>weight</c> and for <c>gamma</c>, its name in the first BERT checkpoints.</summary>
    public static bool IsWeight(string part) => part is "weight" or "gamma";

    /// <summary>True for <c>weight</c> and <c>bias</c>.</summary>
    public static bool IsWeightOrBias(string part) => part is "weight" or "bias";

    /// <summary>Where in a tensor's dotted name its own parts begin, behind those of its module: <c>weight.absmax</c> stays with the module of the weight.</summary>
    public static int OwnStart(string[] names)
    {
        int depth = Array.FindIndex(names, 0, names.Length - 1, IsWeightOrBias);
        return depth < 0 ? names.Length - 1 : depth;
    }

    /// <summary>True for a tensor that is no parameter; <c>attn.bias</c> without a weight is GPT's causal mask.</summary>
    public static bool IsBuffer(string tensorName, bool hasWeight)
    {
        int dot = tensorName.LastIndexOf('.');
        return Buffers.Contains(tensorName[(dot + 1)..])
            || (!hasWeight && (IsModuleBias(tensorName, "attn.bias") || IsModuleBias(tensorName, "attention.bias")));
    }

    private static bool IsModuleBias(string tensorName, string end) =>
        tensorName.EndsWith(end, StringComparison.Ordinal) && (tensorName.Length == end.Length || tensorName[^(end.Length + 1)] == '.');
}
