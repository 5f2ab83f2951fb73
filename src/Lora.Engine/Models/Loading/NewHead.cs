using Lora.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Makes the parts of a head that a checkpoint lacks, as transformers begins them: weights drawn with the deviation initializer_range, biases 0.</summary>
internal static class NewHead
{
    // The same head each time it is made, for runs that are gone on with, and adapters that are compared.
    private const ulong Seed = 1;

    /// <summary>The modules that are made new, by their names.</summary>
    public static IReadOnlyList<HeadModule> Of(StoredTensors stored) => [.. stored.Shape.Heads.Where(module => module.IsNew && !stored.TryFind(module.Name + ".weight", out _))];

    /// <summary>The names of the tensors that are made new.</summary>
    public static IEnumerable<string> Names(StoredTensors stored) =>
        Of(stored).SelectMany(module => module.HasBias ? new[] { module.Name + ".weight", module.Name + ".bias" } : [module.Name + ".weight"]);

    /// <summary>That they are made new; null when none is.</summary>
    public static string? Warning(string folder, TaskShape shape)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        string[] made = [.. Of(new(checkpoint, shape)).Select(module => $"{module.Name} [{module.Outputs}, {module.Inputs}]")];
        return made.Length == 0 ? null : $"The model '{folder}' has no head for {shape.Task}: {string.Join(", ", made)} begins at random, and is trained whole and saved with the adapter.";
    }

    /// <summary>Their tensors by name, float32.</summary>
    public static IReadOnlyDictionary<string, TensorData> Make(StoredTensors stored)
    {
        Dictionary<string, TensorData> tensors = [];
        HeadModule[] modules = [.. Of(stored)];
        if (modules.Length == 0)
        {
            return tensors;
        }

        using DisposeScope scope = NewDisposeScope();
        Generator generator = new(Seed, CPU);
        foreach (HeadModule module in modules)
        {
            Tensor weight = empty([module.Outputs, module.Inputs], dtype: ScalarType.Float32, device: CPU).normal_(0, stored.Shape.InitializerRange, generator);
            Add(module.Name + ".weight", weight);
            if (module.HasBias)
            {
                Add(module.Name + ".bias", zeros([module.Outputs], dtype: ScalarType.Float32, device: CPU));
            }
        }

        return tensors;

        void Add(string name, Tensor values) => tensors.Add(name, new(name, TensorDataType.F32, values.shape, values.bytes.ToArray()));
    }
}
