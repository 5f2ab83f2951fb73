using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>Reads tensors of the merged model, one at a time: by rows where the adapter allows it, else whole.</summary>
/// <param name="checkpoint">The base model.</param>
/// <param name="plan">What changes.</param>
internal sealed class MergedReader(Checkpoint checkpoint, MergePlan plan)
{
    // In float32 below the size whose memory is given back when it is freed; taking it anew costs more than what is done with it.
    private const int PieceValues = 1 << 17;

    /// <summary>Whether the tensor has other values than the base's.</summary>
    public bool Changes(TensorInfo tensor) => plan.TryFind(tensor.Name, out _) || plan.Layout.Replacement(tensor.Name) is not null;

    /// <summary>A tensor of the merged model, contiguous on the CPU.</summary>
    /// <param name="tensor">The tensor as the plan's layout has it.</param>
    /// <param name="type">What sums, which are taken in float32, are rounded to once; null for the base's own dtype.</param>
    /// <exception cref="LoraException">MergeRefused: a sum is not finite; or the base cannot be read.</exception>
    public Tensor Read(TensorInfo tensor, ScalarType? type = null)
    {
        Tensor stored = Stored(tensor);
        return plan.TryFind(tensor.Name, out (ModuleMerge Module, string Parameter) change) ? Merged(change.Module, change.Parameter, stored, type)
            : type is ScalarType other ? stored.to(other) : stored;
    }

    /// <summary>The same in pieces of whole rows, in their order.</summary>
    /// <param name="tensor">The tensor as the plan's layout has it.</param>
    /// <param name="type">What sums are rounded to; null for the base's own dtype.</param>
    /// <param name="use">Given each piece, which lives as long as the call; contiguous on the CPU.</param>
    /// <param name="cancellation">Ends the work before the next piece.</param>
    /// <exception cref="LoraException">As of the whole tensor.</exception>
    public void Read(TensorInfo tensor, ScalarType? type, Action<Tensor> use, CancellationToken cancellation)
    {
        if (plan.Layout.Replacement(tensor.Name) is not null
            || !plan.TryFind(tensor.Name, out (ModuleMerge Module, string Parameter) change) || !change.Module.GoesByRow(change.Parameter))
        {
            using DisposeScope scope = NewDisposeScope();
            use(Read(tensor, type));
            return;
        }

        long width = tensor.ElementCount / tensor.Shape[0];
        long most = Math.Max(1, PieceValues / width);
        ScalarType own = TensorType.Of(tensor.DataType);
        long bytes = width * own.ElementSize(); // of a row
        using Tensor buffer = empty([Math.Min(most, tensor.Shape[0]), .. tensor.Shape[1..]], dtype: own, device: CPU);
        for (long first = 0; first < tensor.Shape[0]; first += most)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(most, tensor.Shape[0] - first);
            Tensor stored = buffer.narrow(0, 0, count); // [rows, ...]
            checkpoint.Read(tensor, first * bytes, TensorMemory.Bytes(stored, 0, (int)(count * bytes)));
            use(Merged(change.Module.OfRows(first, count), change.Parameter, stored, type));
        }
    }

    private static Tensor Merged(ModuleMerge module, string parameter, Tensor stored, ScalarType? type)
    {
        Tensor merged = module.Merged(parameter, stored, type);
        return FiniteValues.AreAllIn(merged) ? merged
            : throw LoraException.Of(LoraError.MergeRefused, module.Name, module.Name, $"its {parameter} would have values that are not finite");
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
