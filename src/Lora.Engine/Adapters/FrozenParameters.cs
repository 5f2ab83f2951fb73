using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Keeps a model's own parameters from being trained until it is disposed.</summary>
internal sealed class FrozenParameters : IDisposable
{
    private readonly Parameter[] parameters;

    /// <param name="model">The model.</param>
    public FrozenParameters(nn.Module model)
    {
        parameters = [.. model.parameters().Where(parameter => parameter.requires_grad)];
        Set(isTrained: false);
    }

    /// <inheritdoc/>
    public void Dispose() => Set(isTrained: true);

    private void Set(bool isTrained)
    {
        foreach (Parameter parameter in parameters)
        {
            parameter.requires_grad = isTrained;
        }
    }
}
