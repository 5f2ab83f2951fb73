using Lora.Data;

namespace Lora.Bench;

/// <summary>Rows of random tokens.</summary>
internal static class RandomRows
{
    /// <summary>The same rows each time, all of whose tokens are learned.</summary>
    /// <param name="vocabulary">Tokens that there are.</param>
    /// <param name="lengths">Tokens of each row.</param>
    public static TrainingExample[] Of(int vocabulary, IEnumerable<int> lengths)
    {
        Random random = new(1);
        return [.. lengths.Select((length, row) => Example(random, vocabulary, length, row))];
    }

    private static TrainingExample Example(Random random, int vocabulary, int length, int row)
    {
        int[] ids = [.. Enumerable.Range(0, length).Select(_ => random.Next(vocabulary))];
        return new(ids, ids, row + 1);
    }
}
