using Lora.Adapters;
using TorchSharp.Modules;

namespace Lora;

/// <summary>
/// An adapter on a model (<see cref="LoraModules"/>), beside others perhaps: the changes of all that are enabled add up. Disposing takes it off,
/// in any order; without adapters the model is as it was.
/// </summary>
public sealed class AttachedLora : IDisposable
{
    private readonly AttachedAdapter adapter;
    private readonly LoraConfig config;
    private readonly FrozenParameters frozen;

    internal AttachedLora(AttachedAdapter adapter, LoraConfig config, FrozenParameters frozen)
    {
        this.adapter = adapter;
        this.config = config;
        this.frozen = frozen;
    }

    /// <summary>The float32 tensors to train, for any torch optimiser.</summary>
    public IReadOnlyList<Parameter> Parameters => [.. adapter.Arena.Parameters.Select(parameter => parameter.Value)];

    /// <summary>The dotted names of the adapted modules.</summary>
    public IReadOnlyList<string> Modules => [.. adapter.Layers.Select(layer => layer.Name).Distinct()];

    /// <summary>The adapted modules that no forward has come through yet: a model that uses <c>forward</c> in place of <c>call</c> passes them by.</summary>
    public IReadOnlyList<string> Unreached => [.. adapter.Layers.Where(layer => !layer.WasReached).Select(layer => layer.Name).Distinct()];

    /// <summary>Whether dropout is at work; false at first.</summary>
    public bool IsTraining
    {
        get => adapter.IsTraining;
        set => adapter.IsTraining = value;
    }

    /// <summary>Whether the adapter is on. With all adapters off the model is the base model bit for bit.</summary>
    /// <exception cref="LoraException">AdapterConflict: another adapter that is on trains the same module whole; nothing is switched then.</exception>
    /// <exception cref="InvalidOperationException">The adapter is merged.</exception>
    public bool IsEnabled
    {
        get => adapter.IsEnabled;
        set => adapter.IsEnabled = value;
    }

    /// <summary>
    /// The names out of <see cref="Modules"/> that are adapted while the adapter is on; all at first. Setting it switches single modules, to see
    /// what each one's adaptation does.
    /// </summary>
    /// <exception cref="LoraException">TargetNotFound: a name that is not in <see cref="Modules"/>; AdapterConflict as for <see cref="IsEnabled"/>.</exception>
    /// <exception cref="InvalidOperationException">The adapter is merged.</exception>
    public IReadOnlyCollection<string> ActiveModules
    {
        get => adapter.ActiveModules;
        set => adapter.ActiveModules = value;
    }

    /// <summary>Whether the adapter is added to the model's weights.</summary>
    public bool IsMerged => adapter.IsMerged;

    /// <summary>
    /// Adds the active modules to the model's weights, so that they cost nothing. The sum of the base and all that is merged is taken in float32
    /// and rounded once; adapters that are not merged go on adding what they add.
    /// </summary>
    /// <exception cref="LoraException">MergeRefused: a weight would not be finite or is shared; AdapterConflict: another adapter trains it whole;
    /// the model is as it was then.</exception>
    public void Merge() => adapter.Merge();

    /// <summary>Takes the adapter out of the weights; the last one to go leaves the very bytes that the base had.</summary>
    public void Unmerge() => adapter.Unmerge();

    /// <summary>Completes the gradients after a backward; needed where modules that are trained whole are of another dtype than float32.</summary>
    public void GatherGradients() => adapter.GatherGradients();

    /// <summary>The adapter as it is now, for a model without it.</summary>
    public LoraAdapter ToAdapter() => AdapterTensors.Snapshot(adapter, config);

    /// <summary>Writes the adapter as PEFT does.</summary>
    /// <param name="folder">The folder; it is made when it is not there.</param>
    /// <param name="overwrite">Replaces an adapter that the folder holds.</param>
    /// <exception cref="LoraException">OutputExists or OutputFailed.</exception>
    public LoraAdapter Save(string folder, bool overwrite = false) => AdapterFolder.Save(ToAdapter(), folder, overwrite);

    /// <inheritdoc/>
    public void Dispose()
    {
        adapter.Dispose();
        frozen.Dispose();
    }

    internal void Load(LoraAdapter stored) => AdapterTensors.Load(adapter, stored);
}
