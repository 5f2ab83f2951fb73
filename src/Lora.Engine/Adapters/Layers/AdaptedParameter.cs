using Lora.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// A parameter of a module with the layers that change it by itself. While any is on, the parameter holds W + Σ s · B A, summed in float32 and rounded
/// once, freshly before each forward; autograd takes its gradient as that of any weight, and each layer takes from it those of its A and B.
/// </summary>
/// <remarks>Whatever the module does with the parameter is right so: it may take out the matrix of one expert, or multiply by all at once.</remarks>
internal sealed class AdaptedParameter(AdaptedModule module, string name)
{
    // By number, as the outputs of layers are: sums of floats hang on their order.
    private readonly SortedDictionary<int, ParameterLayer> layers = [];
    private Tensor? working;
    private ForwardHook? hook;

    private Parameter Parameter => module.Parameter(name)!;

    /// <summary>Adds a layer's change from now on.</summary>
    public void Add(ParameterLayer layer)
    {
        layers[layer.Number] = layer;
        if (working is null)
        {
            using IDisposable noGradient = no_grad();
            // Memory of its own: the sum is taken from the base's values anew before each forward.
            working = Parameter.detach().clone().DetachFromDisposeScope();
            module.Exchange(name, working);
            Parameter.requires_grad = true;
            hook = ForwardHook.Before(layer.BaseLayer, Refresh);
        }
    }

    /// <summary>Takes a layer off; without any, the parameter is the base's own.</summary>
    public void Remove(ParameterLayer layer)
    {
        layers.Remove(layer.Number);
        if (layers.Count == 0 && working is not null)
        {
            hook?.Dispose();
            hook = null;
            Parameter.grad = null;
            Parameter.requires_grad = false;
            module.Restore(name);
            working.Dispose();
            working = null;
        }
    }

    /// <summary>Hands the gradient of the parameter to its layers; nothing when it has none.</summary>
    public void GatherGradients()
    {
        if (working is null || Parameter.grad is not Tensor gradient)
        {
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor exact = gradient.to(ScalarType.Float32);
        foreach (ParameterLayer layer in layers.Values)
        {
            layer.AddGradients(exact);
        }

        // Each of the layers asks: the first one's call has served them all.
        Parameter.grad = null;
    }

    private void Refresh()
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor own = module.BaseValue(name)!;
        Tensor sum = layers.Values.Aggregate(own.to(ScalarType.Float32), (sum, layer) => sum.Plus(layer.Delta()));
        working!.copy_(sum);
        layers.Values.ToList().ForEach(layer => layer.Reach());
    }
}
