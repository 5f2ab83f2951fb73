using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Rotates pairs of a head's values by an angle that grows with the position (arXiv 2104.09864). In the half-split order of transformers value k of
/// those that are rotated is paired with value k + rotated/2, in the paper's own, interleaved one value 2k with value 2k + 1.
/// </summary>
internal sealed class RotaryEmbedding : IDisposable
{
    private readonly RopeParameters parameters;
    private readonly int rotated;
    private readonly RotaryTable usual;
    private (long Stretch, RotaryTable Table)? extended;

    public RotaryEmbedding(RopeParameters parameters, int headDimension)
    {
        rotated = parameters.RotatedValues(headDimension);
        this.parameters = parameters;
        usual = new(parameters.InverseFrequencies(rotated), parameters.AttentionFactor);
    }

    /// <summary>The tables of a sequence, cast to the activations' dtype.</summary>
    /// <returns>cos and sin, each [tokens, rotated], owned by the caller.</returns>
    public (Tensor Cosine, Tensor Sine) Tables(long tokens, Device device, ScalarType dataType) => TableOf(tokens).Of(tokens, device, dataType);

    /// <summary>What <see cref="Joined"/> asks for on its device, beside the positions: numbers that others may go with. None where all documents turn alike.</summary>
    /// <param name="lengths">Of the documents.</param>
    public IReadOnlyList<Array> Numbers(IReadOnlyList<int> lengths)
    {
        if (lengths.Select(length => parameters.Stretch(length)).Distinct().Count() == 1)
        {
            return [];
        }

        // The speeds of each document, once for each part of the result; the sine of the opposite angle is the opposite sine.
        float[] speeds = [.. lengths.Select(length => parameters.InverseFrequencies(rotated, length)).SelectMany(own => (float[])[.. own, .. own, .. own.Select(speed => -speed), .. own])];
        long[] documents = [.. lengths.Index().SelectMany(document => Enumerable.Repeat((long)document.Index, document.Item))]; // of each token
        return [speeds, documents];
    }

    /// <summary>The angles of documents that lie end to end, each from its own first position.</summary>
    /// <param name="lengths">Of the documents.</param>
    /// <param name="positions">Of each token in its document, [tokens], int64, on the device of the result.</param>
    /// <param name="numbers">Those of <see cref="Numbers"/>, there.</param>
    /// <param name="dataType">Float32 or wider.</param>
    /// <returns>As <see cref="Lora.Kernels.RotationAngles"/> has them, [tokens, 2 rotated], in the caller's scope.</returns>
    public Tensor Joined(IReadOnlyList<int> lengths, Tensor positions, IReadOnlyList<Tensor> numbers, ScalarType dataType)
    {
        if (numbers is [Tensor speeds, Tensor documents])
        {
            return JoinedByLength(speeds.view(lengths.Count, 2L * rotated).index_select(0, documents), positions).to(dataType);
        }

        // One operation however many documents there are.
        int longest = lengths.Max();
        return TableOf(longest).Joined(longest, positions.device).index_select(0, positions).to(dataType);
    }

    /// <summary>x cos + rotate_half(x) sin over the first rotated values of each head; the others stay.</summary>
    /// <param name="heads">[batch, heads, tokens, headSize].</param>
    /// <param name="tables">From <see cref="Tables"/>.</param>
    /// <param name="isInterleaved">Whether pairs are neighbours.</param>
    public static Tensor Rotate(Tensor heads, (Tensor Cosine, Tensor Sine) tables, bool isInterleaved = false)
    {
        long rotated = tables.Cosine.shape[^1];
        long rest = heads.shape[^1] - rotated;
        if (rest > 0)
        {
            // A part of each head only (Phi-3's partial_rotary_factor): the rest passes by.
            return cat([Rotate(heads.narrow(-1, 0, rotated), tables, isInterleaved), heads.narrow(-1, rotated, rest)], -1);
        }

        if (isInterleaved)
        {
            return RotateNeighbours(heads, tables.Cosine.narrow(-1, 0, rotated / 2), tables.Sine.narrow(-1, 0, rotated / 2));
        }

        Tensor[] halves = heads.chunk(2, -1); // each [batch, heads, tokens, rotated/2]

        // rotate_half of transformers: (x₁, x₂) becomes (-x₂, x₁).
        Tensor turned = cat([halves[1].neg(), halves[0]], -1);
        return (heads * tables.Cosine).Plus(turned * tables.Sine);
    }

    /// <summary>The same where documents have frequencies of their own: as many operators however many there are, and no table that is kept.</summary>
    /// <param name="speeds">Of each token, [tokens, 2 rotated]; become the angles' cos and sin.</param>
    /// <param name="positions">[tokens].</param>
    private Tensor JoinedByLength(Tensor speeds, Tensor positions)
    {
        Tensor parts = speeds.mul_(positions.unsqueeze(1)).unflatten(1, 4, -1); // angles, [tokens, 4, rotated/2]
        parts.slice(1, 0, 4, 3).cos_(); // the first part and the last
        parts.narrow(1, 1, 2).sin_();
        return parameters.AttentionFactor == 1 ? speeds : speeds.Multiply(parameters.AttentionFactor);
    }

    /// <summary>The tables have each angle once, [tokens, rotated/2].</summary>
    private static Tensor RotateNeighbours(Tensor heads, Tensor cosine, Tensor sine)
    {
        Tensor pairs = heads.unflatten(heads.dim() - 1, -1, 2); // [batch, heads, tokens, rotated/2, 2]
        (Tensor first, Tensor second) = (pairs.select(-1, 0), pairs.select(-1, 1));
        return stack([(first * cosine) - (second * sine), (second * cosine).Plus(first * sine)], -1).flatten(-2);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        usual.Dispose();
        extended?.Table.Dispose();
    }

    /// <summary>The table of the frequencies that sequences of this length have.</summary>
    private RotaryTable TableOf(long tokens)
    {
        long stretch = parameters.Stretch(tokens);
        if (stretch == 0)
        {
            return usual;
        }

        // One other set is kept: LongRoPE has no more, and of the dynamic scaling each length has its own.
        if (extended?.Stretch != stretch)
        {
            extended?.Table.Dispose();
            extended = (stretch, new(parameters.InverseFrequencies(rotated, tokens), parameters.AttentionFactor));
        }

        return extended.Value.Table;
    }
}
