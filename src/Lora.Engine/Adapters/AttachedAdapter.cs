using Lora.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// One adapter on one model, which may have others: the layers it adds, their values, and the switches. The base model's weights are never
/// written to; disposing takes the adapter off and leaves the rest as it was.
/// </summary>
/// <remarks>
/// It takes a model, a configuration and resolved targets, and gives layers that hang on the modules by hooks, with all trained values in one flat
/// tensor (<see cref="ParameterArena"/>). A step engine reads the values and fills the gradients; the model's own forward pass works with the adapter
/// just as well. Several adapters share a model without knowing of each other: what is on a module is known by <see cref="AdaptedModule"/>.
/// </remarks>
internal sealed class AttachedAdapter : IDisposable
{
    private readonly IReadOnlyList<AdaptedLayer> layers;
    private readonly Dictionary<string, nn.Module> modules;
    private readonly Dropout dropout;
    private readonly Generator generator;
    private HashSet<string> active;
    private MergedBase? merged;
    private bool isEnabled;

    /// <summary>Puts an adapter on a model, initialised from the seed.</summary>
    /// <param name="model">The model; its modules are found by their dotted names.</param>
    /// <param name="config">Dropout, bias, initialisation, variants, modules to save.</param>
    /// <param name="targets">The modules to adapt, resolved.</param>
    /// <param name="device">Where the model's weights are.</param>
    /// <param name="seed">Seed of the initialisation and of the dropout.</param>
    /// <exception cref="LoraException">TargetNotFound, TargetKindUnsupported, AdapterFeatureUnsupported or AdapterConflict; the model is as it was then.</exception>
    public AttachedAdapter(nn.Module model, LoraConfig config, IReadOnlyList<AdapterTarget> targets, Device device, ulong seed)
    {
        using DisposeScope scope = NewDisposeScope();
        generator = new Generator(seed, CPU);
        dropout = new(config.Dropout, generator, device.type == DeviceType.CPU ? null : seed);
        modules = model.named_modules().ToDictionary(entry => entry.name, entry => entry.module, StringComparer.Ordinal);
        AdapterSettings settings = new(
            Arena, dropout, LoraInitialization.Of(config.Initialization), config.UseLoraBias, config.UseDora, config.FanInFanOut);
        layers = new AdaptedLayers(modules, config, settings).Make(targets);
        active = [.. layers.Select(layer => layer.SwitchName)];

        // Layers are made but nothing is attached yet: a conflict leaves the model as it was.
        LoraException.ThrowIfAny([.. AdapterConflicts.Of(layers, merging: false)]);
        Arena.Allocate(device);
        foreach (AdaptedLayer layer in layers)
        {
            layer.Initialize(generator);
        }

        Switch(enabled: true, active);
    }

    /// <summary>The trainable values.</summary>
    public ParameterArena Arena { get; } = new();

    /// <summary>The adapted modules.</summary>
    public IReadOnlyList<AdaptedLayer> Layers => layers;

    /// <summary>The low-rank products of the adapted modules.</summary>
    public IEnumerable<LowRankProduct> Products => layers.OfType<ILowRankLayer>().Select(layer => layer.Product);

    /// <summary>Tensors that are written beside the trained ones, whose values they have.</summary>
    public IEnumerable<(string Key, Tensor Value)> Repeats => layers.SelectMany(layer => layer.Repeats);

    /// <summary>Whether dropout is at work.</summary>
    public bool IsTraining
    {
        get => dropout.IsTraining;
        set => dropout.IsTraining = value;
    }

    /// <summary>Whether the base's weights hold the adapter.</summary>
    public bool IsMerged => merged is not null;

    /// <summary>Whether the adapter is on, merged or not; off, it leaves no trace in the model's output.</summary>
    /// <exception cref="LoraException">AdapterConflict: it cannot be on together with another adapter; nothing is switched then.</exception>
    /// <exception cref="InvalidOperationException">The adapter is merged.</exception>
    public bool IsEnabled
    {
        get => isEnabled;
        set => Switch(value, active);
    }

    /// <summary>The names of the modules that are adapted while the adapter is on.</summary>
    /// <exception cref="LoraException">TargetNotFound: a name that is not of an adapted module; AdapterConflict, as above; nothing is switched then.</exception>
    /// <exception cref="InvalidOperationException">The adapter is merged.</exception>
    public IReadOnlyCollection<string> ActiveModules
    {
        get => active;
        set
        {
            HashSet<string> names = [.. layers.SelectMany(layer => new[] { layer.Name, layer.SwitchName })];
            LoraException.ThrowIfAny([.. value.Where(name => !names.Contains(name)).Select(name =>
                new LoraProblem(LoraError.TargetNotFound, name, nameof(ActiveModules), name, ": the adapter does not adapt it"))]);
            Switch(isEnabled, [.. value]);
        }
    }

    /// <summary>Adds the active modules to the base's weights and takes the layers off; nothing when that is so already.</summary>
    /// <exception cref="LoraException">MergeRefused or AdapterConflict, for every module that cannot be merged; the model is as it was then.</exception>
    public void Merge()
    {
        if (IsMerged)
        {
            return;
        }

        AdaptedLayer[] chosen = [.. layers.Where(layer => active.Contains(layer.SwitchName))];
        LoraException.ThrowIfAny([.. AdapterConflicts.Of(chosen, merging: true)]);
        bool wasEnabled = isEnabled;

        // Off before its change is in the weights, or it would count twice.
        Switch(enabled: false, active);
        try
        {
            merged = MergedBase.Of(chosen, modules);
            isEnabled = true;
        }
        catch
        {
            Switch(wasEnabled, active);
            throw;
        }
    }

    /// <summary>Takes the adapter out of the base's weights and puts the layers on again.</summary>
    public void Unmerge()
    {
        if (IsMerged)
        {
            merged!.Dispose();
            merged = null;
            Switch(enabled: true, active);
        }
    }

    /// <summary>The state of the generator that dropout draws from.</summary>
    /// <param name="name">The name that it is given.</param>
    public TensorData Randomness(string name)
    {
        using Tensor state = generator.get_state();
        byte[] bytes = state.bytes.ToArray();
        dropout.WriteNext(bytes);
        return new(name, TensorDataType.U8, state.shape, bytes);
    }

    /// <summary>Sets the generator that dropout draws from.</summary>
    public void RestoreRandomness(TensorData state)
    {
        using Tensor stored = tensor(state.Bytes.ToArray(), dtype: ScalarType.Byte, device: CPU);
        generator.set_state(stored);
        dropout.ReadNext(state.Bytes.Span);
    }

    /// <summary>Completes the gradients of a step; called after each backward.</summary>
    public void GatherGradients()
    {
        foreach (AdaptedLayer layer in layers)
        {
            layer.GatherGradients();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        merged?.Dispose();
        merged = null;
        foreach (AdaptedLayer layer in layers)
        {
            layer.Dispose();
        }

        Arena.Dispose();
        generator.Dispose();
    }

    private void Switch(bool enabled, HashSet<string> names)
    {
        if (IsMerged)
        {
            throw new InvalidOperationException("A merged adapter cannot be switched; unmerge it first.");
        }

        AdaptedLayer[] chosen = enabled ? [.. layers.Where(layer => names.Contains(layer.SwitchName))] : [];
        LoraException.ThrowIfAny([.. AdapterConflicts.Of(chosen, merging: false)]);
        (isEnabled, active) = (enabled, names);
        foreach (AdaptedLayer layer in layers.Except(chosen))
        {
            layer.Detach();
        }

        foreach (AdaptedLayer layer in chosen)
        {
            layer.Attach();
        }
    }
}

/// <summary>What the layers of one adapter share.</summary>
/// <param name="Arena">Where the trained values live.</param>
/// <param name="Dropout">Applied to the input of each A.</param>
/// <param name="Initialization">How A and B begin.</param>
/// <param name="WithBias">Whether each B has a bias.</param>
/// <param name="UseDora">Whether magnitudes are trained apart from directions.</param>
/// <param name="FanInFanOut">Whether modules of a program's own kind store their weight [in, out].</param>
internal sealed record AdapterSettings(
    ParameterArena Arena, Dropout Dropout, LoraInitialization Initialization, bool WithBias = false, bool UseDora = false, bool FanInFanOut = false);
