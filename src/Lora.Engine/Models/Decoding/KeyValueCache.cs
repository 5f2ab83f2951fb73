using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// The keys and values of all tokens that a model has been given, so that the next ones alone are computed. Rows are texts of any lengths: each begins at
/// place 0, and what lies behind its end is masked.
/// </summary>
internal sealed class KeyValueCache : IDisposable
{
    // Places are added by so many, since each time all that there is is copied.
    private const int Growth = 256;

    private readonly Dictionary<object, (Tensor Key, Tensor Value)> layers = new(ReferenceEqualityComparer.Instance);
    private readonly List<int> lengths = [];

    /// <summary>Tokens of each row.</summary>
    public IReadOnlyList<int> Lengths => lengths;

    /// <summary>Tokens of the longest row.</summary>
    public int Longest => lengths.Count == 0 ? 0 : lengths.Max();

    /// <summary>Puts what a layer computed of a text behind the rows that are there.</summary>
    /// <param name="layer">The layer, known by itself.</param>
    /// <param name="key">[1, kvHeads, tokens, headSize].</param>
    /// <param name="value">The same.</param>
    public void AddRow(object layer, Tensor key, Tensor value)
    {
        int places = Places(Math.Max(Longest, (int)key.shape[2]));
        (Tensor Key, Tensor Value)? before = layers.TryGetValue(layer, out (Tensor, Tensor) found) ? found : null;
        Replace(layer, Below(before?.Key, key, places), Below(before?.Value, value, places));
    }

    /// <summary>Takes the only row back to its first tokens.</summary>
    public void Cut(int tokens) => lengths[0] = tokens;

    /// <summary>Puts a layer's next tokens behind the only row.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="key">[1, kvHeads, tokens, headSize].</param>
    /// <param name="value">The same.</param>
    /// <returns>All that there is of the row, [1, kvHeads, places, headSize].</returns>
    public (Tensor Key, Tensor Value) AddTokens(object layer, Tensor key, Tensor value)
    {
        (Tensor keys, Tensor values) = layers[layer];
        long tokens = key.shape[2], all = Longest + tokens;
        if (keys.shape[2] < all)
        {
            Replace(layer, Grown(keys, Places((int)all)), Grown(values, Places((int)all)));
            (keys, values) = layers[layer];
        }

        keys.narrow(2, Longest, tokens).copy_(key);
        values.narrow(2, Longest, tokens).copy_(value);
        return (keys.narrow(2, 0, all), values.narrow(2, 0, all));
    }

    /// <summary>Notes that every layer has the next tokens of the only row.</summary>
    public void EndTokens(int tokens) => lengths[0] += tokens;

    /// <summary>Notes that every layer has the last row.</summary>
    public void EndRow(int tokens) => lengths.Add(tokens);

    /// <summary>Puts a layer's next token behind each row.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="key">[rows, kvHeads, 1, headSize].</param>
    /// <param name="value">The same.</param>
    /// <param name="places">Where it goes, [rows], int64.</param>
    /// <returns>What there is up to the longest row, [rows, kvHeads, places, headSize].</returns>
    public (Tensor Key, Tensor Value) AddToken(object layer, Tensor key, Tensor value, Tensor places)
    {
        (Tensor keys, Tensor values) = layers[layer];
        if (keys.shape[2] <= Longest)
        {
            Replace(layer, Grown(keys, Places(Longest + 1)), Grown(values, Places(Longest + 1)));
            (keys, values) = layers[layer];
        }

        Tensor index = places.view(-1, 1, 1, 1).expand(key.shape); // [rows, kvHeads, 1, headSize]
        keys.scatter_(2, index, key);
        values.scatter_(2, index, value);
        return (keys.narrow(2, 0, Longest + 1), values.narrow(2, 0, Longest + 1));
    }

    /// <summary>Notes that every layer has the next token of each row.</summary>
    public void EndToken()
    {
        for (int row = 0; row < lengths.Count; row++)
        {
            lengths[row]++;
        }
    }

    /// <summary>Lets go of all other rows.</summary>
    public void Keep(IReadOnlyList<int> rows)
    {
        if (rows.Count == 0)
        {
            Dispose(); // also where a row came to some of the layers and not to all
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        int[] left = [.. rows.Select(row => lengths[row])];
        foreach ((object layer, (Tensor key, Tensor value)) in layers.ToArray())
        {
            Tensor index = DeviceIndex.Of([.. rows.Select(row => (long)row)], key.device);
            Replace(layer, key.index_select(0, index), value.index_select(0, index));
        }

        lengths.Clear();
        lengths.AddRange(left);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((Tensor key, Tensor value) in layers.Values)
        {
            key.Dispose();
            value.Dispose();
        }

        layers.Clear();
        lengths.Clear();
    }

    private static int Places(int tokens) => ((tokens / Growth) + 1) * Growth;

    private static Tensor Below(Tensor? before, Tensor row, int places)
    {
        Tensor grown = Grown(row, places);
        return before is null ? grown : cat([Grown(before, places), grown]);
    }

    /// <summary>The same with more places. Those without a token are zeros: what is masked is multiplied by zero, which of a NaN makes a NaN.</summary>
    private static Tensor Grown(Tensor rows, int places)
    {
        if (rows.shape[2] >= places)
        {
            return rows;
        }

        Tensor grown = zeros([rows.shape[0], rows.shape[1], places, rows.shape[3]], dtype: rows.dtype, device: rows.device);
        grown.narrow(2, 0, rows.shape[2]).copy_(rows);
        return grown;
    }

    private void Replace(object layer, Tensor key, Tensor value)
    {
        if (layers.TryGetValue(layer, out (Tensor Key, Tensor Value) before))
        {
            before.Key.Dispose();
            before.Value.Dispose();
        }

        layers[layer] = (key.DetachFromDisposeScope(), value.DetachFromDisposeScope());
    }
}
