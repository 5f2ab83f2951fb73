using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>Reads tensors of the merged model, one at a time.</summary>
/// <param name="checkpoint">The base model.</param>
/// <param name="plan">What changes.</param>
internal sealed class MergedReader(Checkpoint checkpoint, MergePlan plan)
{
    /// <summary>Whether the tensor has other values than the base's.</summary>
    public bool Changes(TensorInfo tensor) => plan.TryFind(tensor.Name, out _) || plan.Layout.Replacement(tensor.Name) is not null;

    /// <summary>A tensor of the merged model, contiguous on the CPU.</summary>
    /// <param name="tensor">The tensor as the plan's layout has it.</param>
    /// <param name="type">What sums, which are taken in float32, are rounded to once; null for the base's own dtype.</param>
    /// <exception cref="LoraException">MergeRefused: a sum is not finite; or the base cannot be read.</exception>
    public Tensor Read(TensorInfo tensor, ScalarType? type = null)
    {
        Tensor stored = Stored(tensor);
        if (!plan.TryFind(tensor.Name, out (ModuleMerge Module, string Parameter) change))
        {
            return type is ScalarType other ? stored.to(other) : stored;
        }

        Tensor merged = change.Module.Merged(change.Parameter, stored, type);
        return merged.isfinite().all().ToBoolean() ? merged
            : throw LoraException.Of(LoraError.MergeRefused, change.Module.Name, change.Module.Name, $"its {change.Parameter} would have values that are not finite");
    }

    /// <summary>The values that the adapter is added to, in the base's dtype.</summary>
    private Tensor Stored(TensorInfo tensor)
    {
        ScalarType type = TensorType.Of(tensor.DataType);
        if (plan.Layout.Replacement(tensor.Name) is TensorData table)
        {
            return AdapterTensors.Read(table).to(type);
        }

        Tensor stored = empty(tensor.Shape, dtype: type, device: CPU);
        WeightReader.Fill([(stored, tensor)], checkpoint);
        return stored;
    }
}
