using Lora.Checkpoints;
using Lora.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Moves an adapter's values between the tensors that are trained and the managed memory of a <see cref="LoraAdapter"/>.</summary>
internal static class AdapterTensors
{
    /// <summary>Copies the values as they are now, float32 under PEFT's keys, as an adapter for the unchanged base.</summary>
    /// <param name="adapter">The adapter on its model.</param>
    /// <param name="config">Its configuration as it is saved.</param>
    /// <param name="carried">Tensors of a resized vocabulary, which go with it unchanged; null for none.</param>
    /// <param name="chatTemplate">What wrote the conversations that it learned from; null for none.</param>
    /// <param name="labels">The labels of a classification; null for none.</param>
    public static LoraAdapter Snapshot(
        AttachedAdapter adapter, LoraConfig config, IReadOnlyList<TensorData>? carried = null, string? chatTemplate = null, LabelSet? labels = null)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        IReadOnlyDictionary<string, Tensor> converted = PlainConversion.Tensors(adapter, config);
        return new()
        {
            Config = PlainConversion.Of(config),
            Tensors = [.. adapter.Arena.Parameters.Select(parameter => Copy(parameter.Key, converted.GetValueOrDefault(parameter.Key, parameter.Value))), .. adapter.Repeats.Select(repeat => Copy(repeat.Key, repeat.Value)), .. carried ?? []],
            ChatTemplate = chatTemplate,
            Labels = labels,
        };
    }

    /// <summary>Copies a tensor's values into managed memory, float32.</summary>
    public static TensorData Copy(string key, Tensor value)
    {
        using DisposeScope scope = NewDisposeScope();
        return new(key, TensorDataType.F32, value.shape, value.detach().to(ScalarType.Float32, CPU).contiguous().bytes.ToArray());
    }

    /// <summary>Makes a tensor on the CPU out of stored values; the caller owns it.</summary>
    public static Tensor Read(TensorData data)
    {
        Tensor tensor = empty(data.Shape, dtype: Models.TensorType.Of(data.DataType), device: CPU);
        data.Bytes.Span.CopyTo(tensor.bytes);
        return tensor;
    }

    /// <summary>Sets the values from an adapter that was stored.</summary>
    /// <exception cref="LoraException">AdapterWeightsInvalid: tensors are missing, too many, or of another shape.</exception>
    public static void Load(AttachedAdapter adapter, LoraAdapter stored)
    {
        Dictionary<string, TensorData> tensors = stored.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        LoraException.ThrowIfAny(Misfits(adapter, stored, tensors));
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        foreach (TrainableParameter parameter in adapter.Arena.Parameters)
        {
            parameter.Value.copy_(Read(tensors[parameter.Key]));
        }

        TensorFaults apart = new(stored.Path, stored.Label);
        // Modules that share a weight have one tensor here, and one under each name in the file.
        foreach ((string key, Tensor value) in adapter.Repeats.Where(repeat => tensors.ContainsKey(repeat.Key)))
        {
            Tensor given = Read(tensors[key]).to(value.dtype).to(value.device);
            if (!given.shape.AsSpan().SequenceEqual(value.shape) || !given.Equals(value))
            {
                apart.Add(key, "two modules share a weight, and their tensors differ");
            }
        }

        LoraException.ThrowIfAny(apart.Problems());
    }

    private static IReadOnlyList<LoraProblem> Misfits(AttachedAdapter adapter, LoraAdapter stored, Dictionary<string, TensorData> tensors)
    {
        TensorFaults faults = new(stored.Path, stored.Label);
        HashSet<string> left = [.. tensors.Keys];
        foreach (TrainableParameter parameter in adapter.Arena.Parameters)
        {
            left.Remove(parameter.Key);
            if (!tensors.TryGetValue(parameter.Key, out TensorData? tensor))
            {
                faults.Add(parameter.Key, "the model's module is adapted, and the tensor is missing");
            }
            else if (!tensor.Shape.AsSpan().SequenceEqual(parameter.Shape))
            {
                faults.Add(parameter.Key, "the shape is not the one that the model's module takes", $"[{string.Join(", ", tensor.Shape)}]; expected is [{string.Join(", ", parameter.Shape)}]");
            }
        }

        foreach (string name in left.Except(adapter.Repeats.Select(repeat => repeat.Key)))
        {
            faults.Add(name, "the tensor belongs to no adapted module");
        }

        return faults.Problems();
    }
}
