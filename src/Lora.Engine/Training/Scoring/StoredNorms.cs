using System.Buffers;
using System.Runtime.ExceptionServices;
using Lora.Checkpoints;

namespace Lora.Training;

/// <summary>Norms of stored matrices at the rate at which their files are read: slices on all threads, each summed up while the processor's cache has it.</summary>
internal static class StoredNorms
{
    // Small beside a core's cache; large beside what a call to the system costs.
    private const int SliceBytes = 256 << 10;

    /// <summary>The Frobenius norm of each, the same whatever the threads.</summary>
    /// <param name="weights">Tensors of dtypes that <see cref="SquareSums"/> knows.</param>
    /// <param name="checkpoint">Where they are read from.</param>
    /// <param name="threads">How many read at the most.</param>
    /// <param name="cancellation">Checked before each slice.</param>
    /// <exception cref="LoraException">A file is unreadable or was cut off since it was opened.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static double[] Of(IReadOnlyList<TensorInfo> weights, Checkpoint checkpoint, int threads, CancellationToken cancellation)
    {
        (int Weight, long First)[] slices =
        [
            .. from weight in Enumerable.Range(0, weights.Count)
               from slice in Enumerable.Range(0, (int)((weights[weight].Length + SliceBytes - 1) / SliceBytes))
               select (weight, (long)slice * SliceBytes),
        ];
        // One each, added up in their order below: whichever thread is first, the bits are the same.
        double[] sums = new double[slices.Length];
        try
        {
            Parallel.For(0, slices.Length, new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = threads }, index => sums[index] = Sum(slices[index]));
        }
        catch (AggregateException exception)
        {
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]); // a caller asks for what happened and not for what wraps it
        }

        double[] norms = new double[weights.Count];
        foreach (((int weight, _), double sum) in slices.Zip(sums))
        {
            norms[weight] += sum;
        }

        return [.. norms.Select(Math.Sqrt)];

        double Sum((int Weight, long First) slice)
        {
            TensorInfo weight = weights[slice.Weight];
            byte[] buffer = ArrayPool<byte>.Shared.Rent(SliceBytes);
            try
            {
                Span<byte> values = buffer.AsSpan(0, (int)Math.Min(SliceBytes, weight.Length - slice.First));
                checkpoint.Read(weight, slice.First, values);
                return SquareSums.Of(values, weight.DataType);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }
}
