using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Goes on texts by the modules of a model: every family, device, dtype and adapter.</summary>
internal sealed class ModuleDecoder(CausalLanguageModel model) : IDecoder
{
    private readonly KeyValueCache cache = new();
    private readonly List<List<int>> texts = [];
    private readonly List<float[]> logits = [];

    /// <inheritdoc/>
    public void Read(IReadOnlyList<int> ids)
    {
        // By itself, without those beside it: what is computed of a text is then the same to the bit.
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor hidden = model.Read(DeviceIndex.Of([.. ids.Select(id => (long)id)], [1, ids.Count], model.Device), cache); // [1, tokens, hidden]
        texts.Add([.. ids]);

        // Only the last place meets the head; the vocabulary is the widest product of all.
        logits.Add(Rows(hidden.narrow(1, ids.Count - 1, 1))[0]);
    }

    /// <inheritdoc/>
    public void Continue(int kept, IReadOnlyList<int> ids)
    {
        List<int> whole = [.. texts.Single().Take(kept), .. ids];
        if (model.HasLengthRotation)
        {
            Keep([]);
            Read(whole);
            return;
        }

        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        cache.Cut(kept);
        Tensor hidden = model.Continue(DeviceIndex.Of([.. ids.Select(id => (long)id)], [1, ids.Count], model.Device), cache); // [1, tokens, hidden]
        texts[0] = whole;
        logits[0] = Rows(hidden.narrow(1, ids.Count - 1, 1))[0];
    }

    /// <inheritdoc/>
    public void Step(IReadOnlyList<int> ids)
    {
        for (int row = 0; row < texts.Count; row++)
        {
            texts[row].Add(ids[row]);
        }

        if (model.IsTurnedAnew(texts.Select(text => text.Count)))
        {
            ReadAgain();
            return;
        }

        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        float[][] expected = Rows(model.Step(DeviceIndex.Of([.. ids.Select(id => (long)id)], [ids.Count, 1], model.Device), cache));
        logits.Clear();
        logits.AddRange(expected);
    }

    /// <inheritdoc/>
    public void Keep(IReadOnlyList<int> rows)
    {
        (List<int> Text, float[] Logits)[] kept = [.. rows.Select(row => (texts[row], logits[row]))];
        cache.Keep(rows);
        texts.Clear();
        logits.Clear();
        texts.AddRange(kept.Select(row => row.Text));
        logits.AddRange(kept.Select(row => row.Logits));
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Logits(int row) => logits[row];

    /// <inheritdoc/>
    public void Dispose() => cache.Dispose();

    /// <summary>Where the rotation of all places hangs on the length, keys that were rotated for another length are of no use.</summary>
    private void ReadAgain()
    {
        List<int>[] whole = [.. texts];
        cache.Dispose();
        texts.Clear();
        logits.Clear();
        Array.ForEach(whole, Read);
    }

    /// <summary>The logits of hidden states [rows, 1, hidden].</summary>
    private float[][] Rows(Tensor hidden)
    {
        Tensor expected = model.Head(hidden).squeeze(1).to(ScalarType.Float32, CPU).contiguous(); // [rows, vocabulary]
        float[] values = expected.data<float>().ToArray();
        return [.. values.Chunk((int)expected.shape[1])];
    }
}
