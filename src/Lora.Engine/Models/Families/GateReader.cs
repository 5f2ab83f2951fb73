using Lora.Kernels;

namespace Lora.Models;

/// <summary>Reads what a gated MLP does to its gate.</summary>
internal static class GateReader
{
    private static readonly string[] Silu = ["silu", "swish"];
    private static readonly string[] TanhGelu = ["gelu_pytorch_tanh", "gelu_new"];

    /// <summary>SiLU, and nothing else.</summary>
    public static GateActivation ReadSilu(ConfigValues values)
    {
        Check(values, "hidden_act", Silu, Silu);
        return GateActivation.Silu;
    }

    /// <summary>
    /// GELU's tanh form. Gemma's first configurations say "gelu" in hidden_act, and their models are trained with the tanh form all the same;
    /// hidden_activation, where it is there, means what it says.
    /// </summary>
    public static GateActivation ReadTanhGelu(ConfigValues values)
    {
        bool isOld = values.Text("hidden_activation") is null;
        Check(values, isOld ? "hidden_act" : "hidden_activation", isOld ? [.. TanhGelu, "gelu"] : TanhGelu, TanhGelu);
        return GateActivation.TanhGelu;
    }

    private static void Check(ConfigValues values, string key, string[] accepted, string[] computed)
    {
        if (values.Text(key) is string activation && !accepted.Contains(activation))
        {
            values.ReportUnsupported($"{key} '{activation}' is not computed; {computed[0]} is");
        }
    }
}
