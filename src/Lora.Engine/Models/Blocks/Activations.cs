using Lora.Kernels;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The activations of plain MLPs and heads, by the names that config.json has for them.</summary>
internal static class Activations
{
    private const double Quick = 1.702;

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Known = new(StringComparer.Ordinal)
    {
        ["gelu"] = input => nn.functional.gelu(input), // by the error function
        ["gelu_new"] = TanhGelu,
        ["gelu_pytorch_tanh"] = TanhGelu,
        ["gelu_fast"] = TanhGelu, // the same function, multiplied out
        ["quick_gelu"] = input => input * input.Times(Quick).sigmoid(),
        ["relu"] = input => nn.functional.relu(input),
        ["silu"] = input => nn.functional.silu(input),
        ["swish"] = input => nn.functional.silu(input),
        ["tanh"] = input => input.tanh(),
    };

    /// <summary>The function of a name that <see cref="Read"/> gave.</summary>
    public static Func<Tensor, Tensor> Of(string name) => Known[name];

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
