using Lora.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// One adapter on one model: the layers it adds, their values, and the switch. The base model is never changed; disposing gives it
/// back as it was.
/// </summary>
internal sealed class AttachedAdapter : IDisposable
{
    private readonly List<AdaptedLayer> layers = [];
    private readonly Dropout dropout;
    private readonly Generator generator;

    /// <summary>Puts an adapter on a model, initialised from the seed.</summary>
    /// <param name="model">The model; its modules are found by their dotted names.</param>
    /// <param name="config">Dropout, bias, initialisation.</param>
    /// <param name="targets">The modules to adapt, resolved.</param>
    /// <param name="device">Where the model's weights are.</param>
    /// <param name="seed">Seed of the initialisation and of the dropout.</param>
    public AttachedAdapter(nn.Module model, LoraConfig config, IReadOnlyList<AdapterTarget> targets, Device device, ulong seed)
    {
        using DisposeScope scope = NewDisposeScope();
        generator = new Generator(seed, device);
        dropout = new(config.Dropout, generator);
        Dictionary<string, nn.Module> modules = model.named_modules().ToDictionary(entry => entry.name, entry => entry.module, StringComparer.Ordinal);
        AdapterSettings settings = new(Arena, dropout, LoraInitialization.Of(config.Initialization), config.UseLoraBias);
        layers.AddRange(targets.Select(target => Layer(target, modules, settings)));

        layers.AddRange(TrainedBiases(modules, config.Bias, [.. targets.Select(target => target.Module)]));
        Arena.Allocate(device);
        foreach (AdaptedLayer layer in layers)
        {
            layer.Initialize(generator);
            layer.Attach();
        }
    }

    /// <summary>The trainable values.</summary>
    public ParameterArena Arena { get; } = new();

    /// <summary>The adapted modules.</summary>
    public IReadOnlyList<AdaptedLayer> Layers => layers;

    /// <summary>Whether dropout is at work.</summary>
    public bool IsTraining
    {
        get => dropout.IsTraining;
        set => dropout.IsTraining = value;
    }

    /// <summary>Switches the adapter on or off; off, the model is the base model bit for bit.</summary>
    public bool IsEnabled
    {
        get => layers.All(layer => layer.IsAttached);
        set => layers.ForEach(value ? layer => layer.Attach() : layer => layer.Detach());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        layers.ForEach(layer => layer.Dispose());
        Arena.Dispose();
        generator.Dispose();
    }

    private static AdaptedLayer Layer(AdapterTarget target, Dictionary<string, nn.Module> modules, AdapterSettings settings)
    {
        if (!modules.TryGetValue(target.Module, out nn.Module? module))
        {
            throw LoraException.Of(LoraError.TargetNotFound, target.Module, "target", target.Module, "");
        }

        return module switch
        {
            Linear linear => new LoraLinear(target, linear, settings),
            TokenEmbedding embedding => new LoraEmbedding(target, embedding, settings.Arena),
            _ => throw LoraException.Of(LoraError.TargetKindUnsupported, target.Module, target.Module, module.GetName(), "Linear, Embedding"),
        };
    }

    private IEnumerable<TrainedBias> TrainedBiases(Dictionary<string, nn.Module> modules, LoraBias mode, HashSet<string> targets) =>
        from entry in modules
        where mode == LoraBias.All || (mode == LoraBias.LoraOnly && targets.Contains(entry.Key))
        let layer = entry.Value as nn.Module<Tensor, Tensor>
        where layer is not null && layer.has_parameter("bias")
        select new TrainedBias(entry.Key, layer, Arena, targets.Contains(entry.Key));
}
