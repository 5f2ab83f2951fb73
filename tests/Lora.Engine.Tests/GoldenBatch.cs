using Lora.Data;
using static TorchSharp.torch;

namespace Lora.Tests;

/// <summary>Makes the engine's batch out of a reference run's tensors.</summary>
internal static class GoldenBatch
{
    /// <param name="ids">[rows, tokens], int64.</param>
    /// <param name="labels">[rows, tokens], int64, -100 where nothing is learned.</param>
    public static Batch Of(Tensor ids, Tensor labels)
    {
        long[] allLabels = labels.data<long>().ToArray();
        int length = (int)ids.shape[1];
        return Batch.Of([.. ids.data<long>().ToArray().Chunk(length).Select((row, index) => new TrainingExample(
            [.. row.Select(id => (int)id)],
            [.. allLabels.Skip(index * length).Take(length).Select(label => (int)label)],
            index + 1))], padId: 0);
    }
}
