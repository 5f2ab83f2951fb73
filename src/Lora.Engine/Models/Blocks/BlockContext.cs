using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What all layers of one forward pass share: the rotation tables, the masks, and what is taken of routers.</summary>
internal sealed class BlockContext(long tokens, Device device, ScalarType dataType, RotaryTables rotations, RouterBalance? balance = null)
{
    private readonly Dictionary<long, Tensor> masks = [];
    private readonly Dictionary<(AlibiShape, int, long), Tensor> biased = [];
    private readonly Dictionary<(RopeParameters, int), (Tensor Cosine, Tensor Sine)> tables = [];

    /// <summary>Takes the choices of routers in; null where no loss is taken of them.</summary>
    public RouterBalance? Balance => balance;

    /// <summary>cos and sin of a rotation for positions 0..tokens-1, each [tokens, rotated]; made once a pass and shared by its blocks.</summary>
    public (Tensor Cosine, Tensor Sine) Rotation(RopeParameters parameters, int headDimension)
    {
        if (!tables.TryGetValue((parameters, headDimension), out (Tensor Cosine, Tensor Sine) found))
        {
            found = rotations.Of(parameters, headDimension, tokens, device, dataType);
            tables.Add((parameters, headDimension), found);
        }

        return found;
    }

    /// <summary>The mask of a window; null when it reaches over all tokens, so that the plain causal kernel serves.</summary>
    public Tensor? MaskUnlessCausal(int? window) => window < tokens ? Mask(window) : null;

    /// <summary>The mask of a window with what ALiBi adds to the scores of each head, [1, heads, tokens, tokens].</summary>
    public Tensor Mask(int? window, AlibiShape alibi, int heads)
    {
        (AlibiShape, int, long) key = (alibi, heads, Math.Min(window ?? tokens, tokens));
        if (!biased.TryGetValue(key, out Tensor? mask))
        {
            mask = Mask(window).Plus(AlibiBias.Of(alibi, heads, tokens, device, dataType));
            biased.Add(key, mask);
        }

        return mask;
    }

    /// <summary>
    /// The additive mask of a window, [tokens, tokens]: 0 where query i sees key j (i - window &lt; j &lt;= i), the lowest finite value
    /// elsewhere. Without a window a query sees all before it.
    /// </summary>
    public Tensor Mask(int? window)
    {
        // One mask a window, not one a layer: layers of a kind share it.
        long size = Math.Min(window ?? tokens, tokens);
        if (!masks.TryGetValue(size, out Tensor? mask))
        {
            Tensor visible = ones([tokens, tokens], dtype: ScalarType.Bool, device: device).tril_().triu_(1 - size); // [query, key]

            // The lowest finite value, as transformers has it; its exponential is zero as that of -infinity is.
            mask = zeros([tokens, tokens], dtype: dataType, device: device).Masked(visible.logical_not(), finfo(dataType).min);
            masks.Add(size, mask);
        }

        return mask;
    }
}
