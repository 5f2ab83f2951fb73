using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A model's weights by their dotted names.</summary>
internal sealed class ModuleWeights(nn.Module model)
{
    private readonly Dictionary<string, Parameter> parameters =
        model.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter, StringComparer.Ordinal);

    private readonly Dictionary<string, nn.Module> modules =
        model.named_modules().ToDictionary(entry => entry.name, entry => entry.module, StringComparer.Ordinal);

    /// <summary>A weight that is there.</summary>
    public Tensor this[string name] => parameters[name];

    /// <summary>A linear layer that is there.</summary>
    public nn.Module<Tensor, Tensor> Linear(string name) => (nn.Module<Tensor, Tensor>)modules[name];

    /// <summary>What a norm multiplies by, in float32, or float64 when the weight is that. The caller owns it.</summary>
    /// <param name="prefix">The name of what has the norm, with a dot.</param>
    /// <param name="norm">The norm.</param>
    public Tensor Norm(string prefix, NormShape norm)
    {
        Parameter found = parameters[prefix + norm.Name + ".weight"];
        Tensor wide = found.to(found.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32, copy: true).DetachFromDisposeScope();
        return norm.Kind == NormKind.RootMeanSquareAddOne ? wide.Add(1) : wide;
    }
}
