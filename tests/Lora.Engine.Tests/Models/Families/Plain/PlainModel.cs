using System.Runtime.InteropServices;
using Lora.Checkpoints;
using Lora.Models;

namespace Lora.Tests.Models;

/// <summary>A model of chance values in a folder, as it would be downloaded, and its values for <see cref="PlainMath"/>.</summary>
internal sealed class PlainModel : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Dictionary<string, PlainTensor> tensors = new(StringComparer.Ordinal);
    private readonly HashSet<string> used = new(StringComparer.Ordinal);

    /// <param name="name">The configuration's, among the fixtures.</param>
    public PlainModel(string name)
    {
        File.Copy(Repository.Fixture("configs", name, "config.json"), folder.File("config.json"));
        Random random = new(11);
        List<TensorData> stored = [];
        foreach ((string tensor, long[] shape) in RequiredTensors.Of((ModelShape)ModelConfigReader.Read(folder.Path)))
        {
            // Around 1 for norms, so that a weight that is left out shows, and a bias is as large as what it is added to.
            double middle = tensor.EndsWith("weight", StringComparison.Ordinal) && (shape.Length == 1 || tensor.Contains("norm", StringComparison.Ordinal)) ? 1 : 0;
            float[] values = [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (product, size) => product * size)).Select(_ => (float)(middle + ((random.NextDouble() - 0.5) * 0.8)))];
            tensors.Add(tensor, new(shape, [.. values.Select(value => (double)value)]));
            stored.Add(new(tensor, TensorDataType.F32, shape, MemoryMarshal.AsBytes<float>(values).ToArray()));
        }

        SafetensorsWriter.Write(folder.File("model.safetensors"), stored);
    }

    /// <summary>Where it lies.</summary>
    public string Folder => folder.Path;

    /// <summary>The tensors that no reference has asked for yet.</summary>
    public IEnumerable<string> Unused => tensors.Keys.Except(used);

    /// <summary>A tensor by the name that transformers has for it.</summary>
    public PlainTensor this[string name]
    {
        get
        {
            used.Add(name);
            return tensors[name];
        }
    }

    public double[][] Linear(double[][] rows, string name, bool bias = true) => rows.Linear(this[name + ".weight"], bias ? this[name + ".bias"] : null);

    public double[][] LayerNorm(double[][] rows, string name, bool bias = true) => rows.LayerNorm(this[name + ".weight"], bias ? this[name + ".bias"] : null, 1e-5);

    /// <summary>x / sqrt(mean(x²) + 1e-6) (1 + w) of each row.</summary>
    public double[][] RootNormOfOneMore(double[][] rows, string name)
    {
        PlainTensor weight = this[name + ".weight"];
        return rows.RootNorm(weight with { Values = [.. weight.Values.Select(value => 1 + value)] }, 1e-6);
    }

    /// <summary>Other values for a tensor, for the arithmetic alone.</summary>
    public void Change(string name, double[] values) => tensors[name] = tensors[name] with { Values = values };

    public void Dispose() => folder.Dispose();
}
