using Lora.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Moves an adapter's values between the tensors that are trained and the managed memory of a <see cref="LoraAdapter"/>.</summary>
internal static class AdapterTensors
{
    /// <summary>Copies the values as they are now, float32 under PEFT's keys.</summary>
    public static LoraAdapter Snapshot(AttachedAdapter adapter, LoraConfig config)
    {
        using DisposeScope scope = NewDisposeScope();
        return new() { Config = config, Tensors = [.. adapter.Arena.Parameters.Select(Copy)] };
    }

    /// <summary>Sets the values from an adapter that was stored.</summary>
    /// <exception cref="LoraException">AdapterWeightsInvalid: tensors are missing, too many, or of another shape.</exception>
    public static void Load(AttachedAdapter adapter, LoraAdapter stored)
    {
        Dictionary<string, TensorData> tensors = stored.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        LoraException.ThrowIfAny([.. Misfits(adapter, tensors).Select(reason =>
            new LoraProblem(LoraError.AdapterWeightsInvalid, stored.Path, stored.Path ?? stored.ToString(), reason))]);
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        foreach (TrainableParameter parameter in adapter.Arena.Parameters)
        {
            parameter.Value.copy_(Read(tensors[parameter.Key]));
        }
    }

    private static IEnumerable<string> Misfits(AttachedAdapter adapter, Dictionary<string, TensorData> tensors)
    {
        HashSet<string> left = [.. tensors.Keys];
        foreach (TrainableParameter parameter in adapter.Arena.Parameters)
        {
            left.Remove(parameter.Key);
            if (!tensors.TryGetValue(parameter.Key, out TensorData? tensor))
            {
                yield return $"the tensor '{parameter.Key}' is missing";
            }
            else if (!tensor.Shape.AsSpan().SequenceEqual(parameter.Shape))
            {
                yield return $"'{parameter.Key}' has the shape [{string.Join(", ", tensor.Shape)}]; expected is [{string.Join(", ", parameter.Shape)}]";
            }
        }

        foreach (string name in left)
        {
            yield return $"the tensor '{name}' belongs to no adapted module";
        }
    }

    private static TensorData Copy(TrainableParameter parameter) =>
        new(parameter.Key, TensorDataType.F32, parameter.Shape, parameter.Value.detach().cpu().contiguous().bytes.ToArray());

    private static Tensor Read(TensorData data)
    {
        Tensor tensor = empty(data.Shape, dtype: Models.TensorType.Of(data.DataType), device: CPU);
        data.Bytes.Span.CopyTo(tensor.bytes);
        return tensor;
    }
}
