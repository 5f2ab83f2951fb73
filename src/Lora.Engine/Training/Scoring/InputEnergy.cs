using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>Adds up the squares of what modules are given, token by token.</summary>
internal sealed class InputEnergy
{
    private readonly Dictionary<string, (double Sum, long Count)> sums = new(StringComparer.Ordinal);

    /// <summary>Adds an input of modules that share it.</summary>
    /// <param name="modules">Their names.</param>
    /// <param name="input">[tokens, in].</param>
    public void Add(IReadOnlyList<string> modules, Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();

        // The norm is summed up in float32 by blocks, and squared where it is a number.
        double norm = input.to(ScalarType.Float32).norm().ToDouble();
        foreach (string module in modules)
        {
            (double sum, long count) = sums.GetValueOrDefault(module);
            sums[module] = (sum + (norm * norm), count + input.NumberOfElements);
        }
    }

    /// <summary>The mean square; null where the module was given nothing.</summary>
    public double? Of(string module) => sums.TryGetValue(module, out (double Sum, long Count) found) ? found.Sum / found.Count : null;
}
