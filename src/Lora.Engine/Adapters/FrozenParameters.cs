using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Keeps a model's own parameters from being trained until it is disposed; where several do so, until the last is.</summary>
internal sealed class FrozenParameters : IDisposable
{
    // How often a parameter is kept is known by the parameter itself, since adapters come and go in any order.
    private static readonly ConditionalWeakTable<Parameter, Hold> Holds = [];

    private Parameter[] parameters;

    /// <param name="model">The model.</param>
    public FrozenParameters(nn.Module model)
    {
        parameters = [.. model.parameters()];
        foreach (Parameter parameter in parameters)
        {
            Holds.GetValue(parameter, Freeze).Count++;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Parameter parameter in parameters)
        {
            if (Holds.TryGetValue(parameter, out Hold? hold) && --hold.Count == 0)
            {
                Holds.Remove(parameter);
                parameter.requires_grad = hold.WasTrained;
            }
        }

        parameters = [];
    }

    private static Hold Freeze(Parameter parameter)
    {
        Hold hold = new(parameter.requires_grad);
        parameter.requires_grad = false;
        return hold;
    }

    private sealed class Hold(bool wasTrained)
    {
        public bool WasTrained => wasTrained;

        public int Count { get; set; }
    }
}
