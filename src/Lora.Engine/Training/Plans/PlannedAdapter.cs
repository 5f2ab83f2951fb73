using Lora.Adapters;

namespace Lora.Training;

/// <summary>An adapter that is to be put on a model.</summary>
/// <param name="Adapter">The adapter as it was given.</param>
/// <param name="Fitted">The adapter as it goes onto the model; null when it does not fit.</param>
/// <param name="Config">Its configuration, which knows the model.</param>
/// <param name="Targets">The modules to adapt, resolved.</param>
/// <param name="Active">The names of the modules that stay on.</param>
internal sealed record PlannedAdapter(LoraAdapter Adapter, FittedAdapter? Fitted, LoraConfig Config, IReadOnlyList<AdapterTarget> Targets, IReadOnlyList<string> Active)
{
    /// <summary>Its folder, or what it is.</summary>
    public string Name => Adapter.Path ?? Adapter.ToString();
}
