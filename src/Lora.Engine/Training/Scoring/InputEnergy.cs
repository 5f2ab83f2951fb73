using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>Adds up the squares of what modules are given, token by token, on their device: nothing waits for it before it is read.</summary>
internal sealed class InputEnergy : IDisposable
{
    private readonly Dictionary<string, (Tensor Sum, long Count)> sums = new(StringComparer.Ordinal); // [], float64

    /// <summary>Adds an input of modules that share it.</summary>
    /// <param name="modules">Their names.</param>
    /// <param name="input">[tokens, in].</param>
    public void Add(IReadOnlyList<string> modules, Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();

        // The norm is summed up in float32 by blocks, and squared in float64.
        Tensor norm = input.to(ScalarType.Float32).norm().to(ScalarType.Float64);
        Tensor square = norm.mul(norm);
        foreach (string module in modules)
        {
            if (!sums.TryGetValue(module, out (Tensor Sum, long Count) found))
            {
                found = (zeros_like(square).DetachFromDisposeScope(), 0);
            }

            found.Sum.Add(square);
            sums[module] = (found.Sum, found.Count + input.NumberOfElements);
        }
    }

    /// <summary>The mean square; null where the module was given nothing.</summary>
    public double? Of(string module) => sums.TryGetValue(module, out (Tensor Sum, long Count) found) ? found.Sum.ToDouble() / found.Count : null;

    /// <inheritdoc/>
    public void Dispose() => sums.Values.ToList().ForEach(one => one.Sum.Dispose());
}
