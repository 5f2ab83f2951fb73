using Lora.Data;

namespace Lora.Models;

/// <summary>Examples end to end, without padding: products run over all tokens at once, attention over one document at a time.</summary>
internal sealed class PackedDocuments
{
    /// <param name="examples">Each is a document.</param>
    public PackedDocuments(IReadOnlyList<TrainingExample> examples)
    {
        Examples = examples;
        List<(int, int)> places = [];
        int start = 0;
        foreach (TrainingExample example in examples)
        {
            places.Add((start, example.Ids.Length));
            start += example.Ids.Length;
        }

        Places = places;

        // Positions begin anew in each document, so none sees that it was packed.
        Positions = [.. examples.SelectMany(example => Enumerable.Range(0, example.Ids.Length)).Select(position => (long)position)];
        Ids = [.. examples.SelectMany(example => example.Ids).Select(id => (long)id)];
    }

    /// <summary>The examples.</summary>
    public IReadOnlyList<TrainingExample> Examples { get; }

    /// <summary>First token and length of each.</summary>
    public IReadOnlyList<(int Start, int Length)> Places { get; }

    /// <summary>The place of each token in its document, [tokens].</summary>
    public long[] Positions { get; }

    /// <summary>The token ids, [tokens].</summary>
    public long[] Ids { get; }
}
