using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// A base parameter that has other memory for a while. Its own memory is not written to, so that giving it back restores the very
/// bytes, and a parameter elsewhere that shares the memory is not affected.
/// </summary>
internal sealed class ExchangedParameter : IDisposable
{
    /// <param name="parameter">The parameter.</param>
    /// <param name="replacement">Of the same shape, dtype and device.</param>
    public ExchangedParameter(Parameter parameter, Tensor replacement)
    {
        using IDisposable noGradient = no_grad();
        Parameter = parameter;

        // The module holds it beyond any scope of the caller's.
        parameter.DetachFromDisposeScope();

        // A second tensor over the same memory, which keeps it while the parameter points elsewhere.
        Original = parameter.detach().DetachFromDisposeScope();
        parameter.set_(replacement);
    }

    /// <summary>The parameter.</summary>
    public Parameter Parameter { get; }

    /// <summary>What it held before.</summary>
    public Tensor Original { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        using IDisposable noGradient = no_grad();

        // The very memory, not its values: bit for bit, and shared places see nothing.
        Parameter.set_(Original);
        Original.Dispose();
    }
}
