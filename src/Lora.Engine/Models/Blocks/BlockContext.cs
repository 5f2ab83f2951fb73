using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What all layers of one forward pass share: the rotation tables, the masks, and what is taken of routers.</summary>
internal class BlockContext(long tokens, Device device, ScalarType dataType, RotaryTables rotations, RouterBalance? balance = null)
{
    private readonly Dictionary<long, Tensor> masks = [];
    private readonly Dictionary<(AlibiShape, int, long), Tensor> biased = [];
    private readonly Dictionary<(RopeParameters, int), (Tensor Cosine, Tensor Sine)> tables = [];

    /// <summary>Tokens that may be seen: those of the pass and those before it.</summary>
    protected long Tokens => tokens;

    /// <summary>Takes the choices of routers in; null where no loss is taken of them.</summary>
    public RouterBalance? Balance => balance;

    /// <summary>Whether, where there is no mask, a query sees the keys up to its own alone; else all.</summary>
    public virtual bool IsCausal => true;

    /// <summary>Puts the keys and values of the pass behind those that a layer has of earlier ones.</summary>
    /// <param name="layer">The layer, known by itself.</param>
    /// <param name="key">[batch, kvHeads, tokens, headSize], rotated.</param>
    /// <param name="value">[batch, kvHeads, tokens, headSize].</param>
    public virtual (Tensor Key, Tensor Value) Join(object layer, Tensor key, Tensor value) => (key, value);

    /// <summary>cos and sin of a rotation for positions 0..tokens-1, each [tokens, rotated]; made once a pass and shared by its blocks.</summary>
    public (Tensor Cosine, Tensor Sine) Rotation(RopeParameters parameters, int headDimension)
    {
        if (!tables.TryGetValue((parameters, headDimension), out (Tensor Cosine, Tensor Sine) found))
        {
            found = MakeRotation(parameters, headDimension);
            tables.Add((parameters, headDimension), found);
        }

        return found;
    }

    /// <summary>The mask of a window; null when it reaches over all tokens, so that the plain causal kernel serves.</summary>
    public virtual Tensor? MaskUnlessCausal(int? window) => window < tokens ? Mask(window) : null;

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
            mask = MakeMask(size);
            masks.Add(size, mask);
        }

        return mask;
    }

    /// <inheritdoc cref="Rotation"/>
    protected virtual (Tensor Cosine, Tensor Sine) MakeRotation(RopeParameters parameters, int headDimension) => rotations.Of(parameters, headDimension, tokens, device, dataType);

    /// <inheritdoc cref="Mask(int?)"/>
    protected virtual Tensor MakeMask(long size)
    {
        Tensor visible = ones([tokens, tokens], dtype: ScalarType.Bool, device: device).tril_().triu_(1 - size); // [query, key]

        // The lowest finite value, as transformers has it; its exponential is zero as that of -infinity is.
        return zeros([tokens, tokens], dtype: dataType, device: device).Masked(visible.bitwise_not(), finfo(dataType).min);
    }
}
