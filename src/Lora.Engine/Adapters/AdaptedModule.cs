using System.Runtime.CompilerServices;
using Lora.Models;
using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// A module of a base model with the layers that adapters have put on it. Its output is its own plus the sum of the changes of the layers that
/// are on, each taken from the base's own weights and added up in float32 in the order in which the layers were made: neither the order in
/// which adapters are switched nor what is merged makes a difference.
/// </summary>
internal sealed class AdaptedModule
{
    // What is on a module is known by the module itself, since adapters are attached one by one and know nothing of each other.
    private static readonly ConditionalWeakTable<nn.Module, AdaptedModule> Known = [];

    private readonly nn.Module module;
    private readonly SortedDictionary<int, AdaptedLayer> on = [];
    private readonly Dictionary<string, ExchangedParameter> exchanged = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AdaptedParameter> parameters = new(StringComparer.Ordinal);
    private nn.HookableModule<Func<nn.Module<Tensor, Tensor>, Tensor, Tensor>, Func<nn.Module<Tensor, Tensor>, Tensor, Tensor, Tensor>>.HookRemover? hook;
    private int numbers;

    private AdaptedModule(nn.Module module)
    {
        this.module = module;
        Merged = new(this);
    }

    /// <summary>What is added to the module's own weights.</summary>
    public MergedLayers Merged { get; }

    /// <summary>The layers that are on or merged.</summary>
    public IEnumerable<AdaptedLayer> ActiveLayers => on.Values.Concat(Merged.Layers);

    /// <summary>The one object of a module.</summary>
    public static AdaptedModule Of(nn.Module module) => Known.GetValue(module, key => new(key));

    /// <summary>The number of the next layer; layers are added up in the order of their numbers.</summary>
    public int NextNumber() => numbers++;

    /// <summary>Whether a layer's change is added to the output.</summary>
    public bool IsOn(AdaptedLayer layer) => on.ContainsKey(layer.Number);

    /// <summary>Adds a layer's change to the output from now on.</summary>
    public void Add(AdaptedLayer layer)
    {
        on[layer.Number] = layer;
        hook ??= (module as nn.Module<Tensor, Tensor>)?.register_forward_hook((_, input, output) => Adapt(input, output));
    }

    /// <summary>Takes a layer off; without any, the module's output is its own bit for bit.</summary>
    public void Remove(AdaptedLayer layer)
    {
        on.Remove(layer.Number);
        if (on.Count == 0)
        {
            hook?.remove();
            hook = null;
        }
    }

    /// <summary>A parameter with the layers that change it by itself.</summary>
    public AdaptedParameter ParameterOf(string name)
    {
        if (!parameters.TryGetValue(name, out AdaptedParameter? found))
        {
            parameters.Add(name, found = new(this, name));
        }

        return found;
    }

    /// <summary>The module's parameter of that name as it is now, or null.</summary>
    public Parameter? Parameter(string name) => module.OwnParameter(name);

    /// <summary>The base's own value of a parameter, whatever the parameter holds now; null when there is none.</summary>
    public Tensor? BaseValue(string name) => module is QuantizedLinear quantized && name == "weight" ? quantized.Copy()
        : exchanged.TryGetValue(name, out ExchangedParameter? found) ? found.Original : Parameter(name);

    /// <summary>Whether a parameter holds other values than the base's own.</summary>
    public bool IsExchanged(string name) => exchanged.ContainsKey(name);

    /// <summary>Gives a parameter, which holds the base's own value, another one until <see cref="Restore"/>.</summary>
    public void Exchange(string name, Tensor value) => exchanged.Add(name, new(Parameter(name)!, value));

    /// <summary>Gives a parameter the base's own value back.</summary>
    public void Restore(string name)
    {
        if (exchanged.Remove(name, out ExchangedParameter? found))
        {
            found.Dispose();
        }
    }

    private Tensor Adapt(Tensor input, Tensor output)
    {
        Tensor? sum = null;
        foreach (AdaptedLayer layer in on.Values)
        {
            if (layer.Change(input, output) is Tensor change)
            {
                sum = sum is null ? change : sum.Plus(change);
            }
        }

        // The sum is rounded to the output's dtype once, and not each layer's change.
        return sum is null ? output : output.Plus(sum.to(output.dtype));
    }
}
