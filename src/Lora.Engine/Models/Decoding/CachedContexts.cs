using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A pass over a text that is gone on later: what its tokens are attended to by stays.</summary>
internal sealed class ReadingContext(KeyValueCache cache, long tokens, Device device, ScalarType dataType, RotaryTables rotations)
    : BlockContext(tokens, device, dataType, rotations)
{
    /// <inheritdoc/>
    public override (Tensor Key, Tensor Value) Join(object layer, Tensor key, Tensor value)
    {
        cache.AddRow(layer, key, value);
        return (key, value);
    }
}

/// <summary>A pass over tokens behind those that the cache's only row has.</summary>
internal sealed class FollowingContext(KeyValueCache cache, long tokens, Device device, ScalarType dataType, RotaryTables rotations)
    : BlockContext(cache.Longest + tokens, device, dataType, rotations)
{
    private readonly long before = cache.Longest;
    private readonly Device device = device;
    private readonly ScalarType dataType = dataType;

    /// <inheritdoc/>
    public override bool IsCausal => false;

    /// <summary>The additive mask of queries that stand behind other tokens, [queries, keys].</summary>
    /// <param name="before">Tokens before them.</param>
    /// <param name="keys">Those, and theirs.</param>
    /// <param name="size">Keys that a query sees, its own among them.</param>
    /// <param name="dataType">Of the mask.</param>
    /// <param name="device">Where it is.</param>
    public static Tensor MaskOf(long before, long keys, long size, ScalarType dataType, Device device)
    {
        // Of what is seen from its first key to the query itself; the logarithm of 1 and 0 is what is added to scores, 0 and minus infinity.
        Tensor visible = Arithmetic.Full([keys - before, keys], 1, dataType, device);
        return visible.tril_(before).triu_(before - size + 1).log_();
    }

    /// <inheritdoc/>
    public override (Tensor Key, Tensor Value) Join(object layer, Tensor key, Tensor value) => cache.AddTokens(layer, key, value);

    /// <inheritdoc/>
    public override Tensor? MaskUnlessCausal(int? window) => Mask(window);

    /// <inheritdoc/>
    protected override (Tensor Cosine, Tensor Sine) MakeRotation(RopeParameters parameters, int headDimension)
    {
        (Tensor cosine, Tensor sine) = base.MakeRotation(parameters, headDimension); // [places, rotated]
        return (cosine.narrow(0, before, Tokens - before), sine.narrow(0, before, Tokens - before));
    }

    /// <summary>[tokens, places].</summary>
    protected override Tensor MakeMask(long size) => MaskOf(before, Tokens, size, dataType, device);
}

/// <summary>A pass over one token of each row, which sees all that its row has before it.</summary>
internal sealed class NextTokenContext : BlockContext
{
    private readonly KeyValueCache cache;
    private readonly Tensor places;
    private readonly Device device;
    private readonly ScalarType dataType;

    public NextTokenContext(KeyValueCache cache, Tensor places, Device device, ScalarType dataType, RotaryTables rotations)
        : base(cache.Longest + 1, device, dataType, rotations)
    {
        this.cache = cache;
        this.places = places;
        this.device = device;
        this.dataType = dataType;
    }

    /// <inheritdoc/>
    public override bool IsCausal => false;

    /// <inheritdoc/>
    public override (Tensor Key, Tensor Value) Join(object layer, Tensor key, Tensor value) => cache.AddToken(layer, key, value, places);

    /// <inheritdoc/>
    public override Tensor? MaskUnlessCausal(int? window) => window < Tokens || cache.Lengths.Any(length => length < cache.Longest) ? Mask(window) : null;

    /// <summary>cos and sin of each row's place, [rows, 1, 1, rotated].</summary>
    protected override (Tensor Cosine, Tensor Sine) MakeRotation(RopeParameters parameters, int headDimension)
    {
        (Tensor cosine, Tensor sine) = base.MakeRotation(parameters, headDimension); // [tokens, rotated]
        return (Of(cosine), Of(sine));

        Tensor Of(Tensor table) => table.index_select(0, places).unsqueeze(1).unsqueeze(1);
    }

    /// <summary>[rows, 1, 1, tokens].</summary>
    protected override Tensor MakeMask(long size)
    {
        Tensor keys = Arithmetic.Range(0, Tokens, ScalarType.Int64, device); // [tokens]
        Tensor queries = places.unsqueeze(1); // [rows, 1]
        Tensor visible = keys.le(queries).logical_and_(keys.gt(queries.Plus(-size))); // [rows, tokens]
        return zeros(visible.shape, dtype: dataType, device: device).Masked(visible.logical_not(), finfo(dataType).min).unsqueeze(1).unsqueeze(1);
    }
}
