using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Generation;

/// <summary>Computes each text from its beginning again for each token.</summary>
internal sealed class WholePassDecoder(CausalLanguageModel model) : IDecoder
{
    private readonly List<(List<int> Ids, float[] Logits)> rows = [];

    /// <inheritdoc/>
    public void Read(IReadOnlyList<int> ids) => rows.Add(([.. ids], Pass(ids)));

    /// <inheritdoc/>
    public void Step(IReadOnlyList<int> ids)
    {
        for (int row = 0; row < rows.Count; row++)
        {
            rows[row].Ids.Add(ids[row]);
            rows[row] = (rows[row].Ids, Pass(rows[row].Ids));
        }
    }

    /// <inheritdoc/>
    public void Keep(IReadOnlyList<int> rows)
    {
        (List<int>, float[])[] kept = [.. rows.Select(row => this.rows[row])];
        this.rows.Clear();
        this.rows.AddRange(kept);
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Logits(int row) => rows[row].Logits;

    /// <inheritdoc/>
    public void Dispose() => rows.Clear();

    private float[] Pass(IReadOnlyList<int> ids)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor hidden = model.Hidden(DeviceIndex.Of([.. ids.Select(id => (long)id)], [1, ids.Count], model.Device)); // [1, tokens, hidden]
        return model.Head(hidden.narrow(1, ids.Count - 1, 1)).to(ScalarType.Float32, CPU).data<float>().ToArray();
    }
}
