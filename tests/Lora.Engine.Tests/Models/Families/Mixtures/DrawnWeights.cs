using Lora.Models;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Weights that are drawn when a model asks for them, and known by their names afterwards.</summary>
internal sealed class DrawnWeights(int seed) : IWeightSource
{
    private readonly Dictionary<string, (double[] Values, long[] Shape)> drawn = new(StringComparer.Ordinal);

    /// <summary>Numbers whose products neither vanish nor grow: of vectors about one, of matrices about 1 / sqrt(inputs).</summary>
    public Tensor Take(string name, params ReadOnlySpan<long> shape)
    {
        using Generator generator = new((ulong)(seed + drawn.Count), CPU);
        Tensor values = empty(shape.ToArray(), dtype: ScalarType.Float32, device: CPU);
        bool isNorm = shape.Length == 1 && name.EndsWith("norm.weight", StringComparison.Ordinal);
        values.normal_(isNorm ? 1 : 0, shape.Length == 1 ? 0.3 : 1.5 / Math.Sqrt(shape[^1]), generator);
        drawn.Add(name, ([.. values.data<float>().Select(value => (double)value)], shape.ToArray()));
        return values;
    }

    public bool Has(string name) => true;

    /// <summary>The names that the model asked for.</summary>
    public IEnumerable<string> Names => drawn.Keys;

    /// <summary>The values of a tensor, the last axis first.</summary>
    public double[] this[string name] => drawn[name].Values;

    /// <summary>A tensor for <see cref="PlainMath"/>.</summary>
    public PlainTensor Plain(string name) => new(drawn[name].Shape, drawn[name].Values);

    /// <summary>A matrix [rows, columns], or one of a stack [count, rows, columns].</summary>
    public double[][] Matrix(string name, int number = 0)
    {
        (double[] values, long[] shape) = drawn[name];
        return [.. values.Chunk((int)shape[^1]).Skip(number * (int)shape[^2]).Take((int)shape[^2])];
    }
}
