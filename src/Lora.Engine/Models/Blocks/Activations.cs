using Lora.Kernels;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The activations of plain MLPs and heads, by the names that config.json has for them.</summary>
internal static class Activations
{
    private static readonly Dictionary<string, (Func<Tensor, Tensor> Function, PlainActivation? Kernel)> Known = new(StringComparer.Ordinal)
    {
        ["gelu"] = (input => nn.functional.gelu(input), PlainActivation.Gelu), // by the error function
        ["gelu_new"] = (TanhGelu, PlainActivation.TanhGelu),
        ["gelu_pytorch_tanh"] = (TanhGelu, PlainActivation.TanhGelu),
        ["gelu_fast"] = (TanhGelu, PlainActivation.TanhGelu), // the same function, multiplied out
        ["quick_gelu"] = (input => input * input.Times(QuickGeluGate.Factor).sigmoid(), PlainActivation.QuickGelu),
        ["relu"] = (input => nn.functional.relu(input), PlainActivation.Relu),
        ["silu"] = (input => nn.functional.silu(input), PlainActivation.Silu),
        ["swish"] = (input => nn.functional.silu(input), PlainActivation.Silu),
        ["tanh"] = (input => input.tanh(), null),
    };

    /// <summary>The function of a name that <see cref="Read"/> gave.</summary>
    public static Func<Tensor, Tensor> Of(string name) => Known[name].Function;

    /// <summary>What kernels call it; null where none of them computes it.</summary>
    public static PlainActivation? KernelOf(string name) => Known[name].Kernel;

    /// <summary>Reads a name; one that is not computed is reported to the values.</summary>
    public static string Read(ConfigValues values, string key, string otherwise) => Check(values, key, values.Text(key) ?? otherwise, otherwise);

    /// <summary>The name, if it is computed; else it is reported to the values.</summary>
    public static string Check(ConfigValues values, string key, string name, string otherwise)
    {
        if (Known.ContainsKey(name))
        {
            return name;
        }

        values.ReportUnsupported($"{key} is '{name}'; computed are {string.Join(", ", Known.Keys)}");
        return otherwise;
    }

    private static Tensor TanhGelu(Tensor input) => GateActivations.Of(GateActivation.TanhGelu, input);
}
