using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Keeps values between -cap and cap without an edge: cap · tanh(x / cap) (Gemma 2, arXiv 2408.00118).</summary>
internal static class SoftCap
{
    /// <summary>The values, capped unless the cap is null.</summary>
    public static Tensor Of(Tensor values, double? cap) => cap is double limit ? values.Times(1 / limit).tanh().Times(limit) : values;
}
