using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>A tensor of the adapter: its key in the PEFT file and its place in the run's <see cref="ParameterArena"/>.</summary>
/// <param name="Key">The key in adapter_model.safetensors.</param>
/// <param name="Shape">Row-major shape.</param>
internal sealed record TrainableParameter(string Key, long[] Shape)
{
    private Parameter? value;
    private Tensor? gradient;

    /// <summary>Number of values.</summary>
    public long Count { get; } = Shape.Aggregate(1L, (product, extent) => product * extent);

    /// <summary>The place of its first value among all of the arena's; there once the arena was allocated.</summary>
    public long Offset { get; internal set; }

    /// <summary>The values, a view of the arena; there once the arena was allocated.</summary>
    public Parameter Value
    {
        get => value ?? throw new InvalidOperationException($"The arena of '{Key}' was not allocated.");
        internal set => this.value = value;
    }

    /// <summary>Its gradient, a view of the arena's.</summary>
    public Tensor Gradient
    {
        get => gradient ?? throw new InvalidOperationException($"The arena of '{Key}' was not allocated.");
        internal set => gradient = value;
    }
}
