using Lora.Kernels;
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
        Tensor wide = Wide(prefix + norm.Name + ".weight");
        return norm.Kind == NormKind.RootMeanSquareAddOne ? wide.Add(1) : wide;
    }

    /// <summary>A norm as kernels ask for it; the caller owns it.</summary>
    /// <param name="prefix">The name of what has the norm, with a dot.</param>
    /// <param name="norm">The norm.</param>
    /// <param name="like">The dtype and the device of the activations.</param>
    /// <param name="factor">What its results are multiplied by.</param>
    public NormWeight NormWeight(string prefix, NormShape norm, (ScalarType Type, Device Device) like, double factor = 1)
    {
        Tensor weight = norm.Kind == NormKind.LayerWithoutWeight ? Constant(1) : Norm(prefix, norm); // [width]
        Tensor? shift = norm.Kind == NormKind.Layer ? Wide(prefix + norm.Name + ".bias") : norm.TakesMean ? Constant(0) : null; // [width]
        if (factor != 1)
        {
            weight.Multiply(factor);
            shift?.Multiply(factor);
        }

        return Kernels.NormWeight.Of(weight, like.Type, shift);

        Tensor Constant(double value) =>
            Arithmetic.Full([norm.Width], value, like.Type == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32, like.Device).DetachFromDisposeScope();
    }

    private Tensor Wide(string name)
    {
        Parameter found = parameters[name];
        return found.to(found.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32, copy: true).DetachFromDisposeScope();
    }
}
