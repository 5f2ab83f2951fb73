using Lora.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Every trainable value of a run in one flat float32 tensor, every gradient in another, so that the norm, the clipping and the
/// optimiser are single operations however many modules are adapted.
/// </summary>
internal sealed class ParameterArena : IDisposable
{
    private readonly List<TrainableParameter> parameters = [];
    private Tensor? values;
    private Tensor? gradients;

    /// <summary>The parameters in the order in which they were reserved.</summary>
    public IReadOnlyList<TrainableParameter> Parameters => parameters;

    /// <summary>Number of trainable values.</summary>
    public long Count => parameters.Sum(parameter => parameter.Count);

    /// <summary>All values, [Count].</summary>
    public Tensor Values => values ?? throw new InvalidOperationException("The arena was not allocated.");

    /// <summary>All gradients of the current step, [Count].</summary>
    public Tensor Gradients => gradients ?? throw new InvalidOperationException("The arena was not allocated.");

    /// <summary>Notes a parameter; its values come to exist with <see cref="Allocate"/>.</summary>
    public TrainableParameter Reserve(string key, params long[] shape)
    {
        TrainableParameter parameter = new(key, shape);
        parameters.Add(parameter);
        return parameter;
    }

    /// <summary>Where A and B of a product lie.</summary>
    public FactorHome Home(TrainableParameter down, TrainableParameter up) => new(Values, Gradients, down.Offset, up.Offset);

    /// <summary>Makes the two flat tensors, zero-filled, and the parameters as views of them.</summary>
    public void Allocate(Device device)
    {
        using DisposeScope scope = NewDisposeScope();
        values = zeros(Count, dtype: ScalarType.Float32, device: device).DetachFromDisposeScope();
        gradients = zeros(Count, dtype: ScalarType.Float32, device: device).DetachFromDisposeScope();
        long offset = 0;

        // All A's before all B's: those of layers that share an input are one matrix, and one product has them all. Magnitudes would lie between them.
        foreach (TrainableParameter parameter in parameters.OrderBy(parameter => PeftKey.IsMagnitude(parameter.Key)).ThenBy(parameter => PeftKey.IsUp(parameter.Key)))
        {
            parameter.Offset = offset;
            Parameter view = new(values.narrow(0, offset, parameter.Count).view(parameter.Shape));
            parameter.Gradient = gradients.narrow(0, offset, parameter.Count).view(parameter.Shape).DetachFromDisposeScope();

            // Given before the first backward, so that autograd adds into the flat tensor and makes none of its own.
            view.grad = parameter.Gradient;
            view.DetachFromDisposeScope();
            parameter.Value = view;
            offset += parameter.Count;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (values is null)
        {
            return;
        }

        foreach (TrainableParameter parameter in parameters)
        {
            parameter.Value.Dispose();
            parameter.Gradient.Dispose();
        }

        values.Dispose();
        gradients?.Dispose();
        values = null;
        gradients = null;
    }
}
