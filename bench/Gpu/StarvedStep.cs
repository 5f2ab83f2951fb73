using Lora.Data;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>A step that finds less memory than it was planned to have, once.</summary>
/// <param name="inner">The step.</param>
/// <param name="device">Where it is computed.</param>
/// <param name="starvedAt">The batch, counted from 1, for which there is none; null for no batch.</param>
internal sealed class StarvedStep(FusedStep inner, Device device, int? starvedAt) : IStepEngine
{
    // No card has more, whatever its driver says; what is smaller than the smallest comes from what torch keeps for small tensors.
    private const long Largest = 1L << 40;
    private const long Smallest = 1 << 20;

    // So many documents as long as can be have more bytes than a processor has addresses.
    private const int Documents = 4096;

    private readonly List<Tensor> taken = [];
    private int queued;

    /// <inheritdoc/>
    public Tensor QueueGradients(Batch batch, SupervisedRows rows, double scale)
    {
        queued++;
        if (queued == starvedAt)
        {
            Starve();
        }

        return inner.QueueGradients(batch, rows, scale);
    }

    /// <inheritdoc/>
    public LossSum SumLoss(Batch batch, SupervisedRows rows) => inner.SumLoss(batch, rows);

    /// <summary>Gives the memory back.</summary>
    public void Feed()
    {
        taken.ForEach(tensor => tensor.Dispose());
        taken.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Feed();
        inner.Dispose();
    }

    private void Starve()
    {
        if (device.type == DeviceType.CPU)
        {
            // A processor's system lends what it has not got, so here it is a plan that no memory there is holds.
            inner.Reserve(new([.. Enumerable.Repeat(int.MaxValue, Documents)], Supervised: 1));
        }

        for (long size = Largest; size >= Smallest; size /= 2)
        {
            while (TryTake(size))
            {
            }
        }
    }

    private bool TryTake(long size)
    {
        try
        {
            taken.Add(TorchMemoryFailure.Named(() => empty([size], dtype: ScalarType.Byte, device: device).DetachFromDisposeScope()));
            return true;
        }
        catch (LoraException exception) when (exception.Error == LoraError.OutOfMemory)
        {
            return false;
        }
    }
}
