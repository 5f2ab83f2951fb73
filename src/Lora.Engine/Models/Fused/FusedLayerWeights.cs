using Lora.Kernels;
using Lora.Quantization;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The frozen weights of one block.</summary>
internal sealed class FusedLayerWeights : IDisposable
{
    private readonly BlockMagnitudes? magnitudes;

    /// <param name="weights">The model's.</param>
    /// <param name="prefix">The block's name with a dot.</param>
    /// <param name="block">The shape.</param>
    public FusedLayerWeights(ModuleWeights weights, string prefix, FusedBlock block)
    {
        AttentionShape attention = block.Attention;
        Block = block;
        string[][] names = [.. block.Block.Products.Select(product => product.Select(name => prefix + name).ToArray())];
        (QueryKeyValueNames, OutputNames, GateUpNames, DownNames) = (names[0], names[1], names[2], names[3]);
        QueryKeyValue = Join(QueryKeyValueNames);
        Output = Join(OutputNames);
        Order = attention.Order == PackedOrder.Heads ? new(attention, Output.Device) : null;
        InputNorm = Norm(prefix, block.AttentionNorm);
        HeadNorms = attention is { QueryNorm: NormShape query, KeyNorm: NormShape key } ? NormsOfHeads(query, key) : [];
        MiddleNorm = Norm(prefix, block.MlpNorm);
        AttentionOutputNorm = Norm(prefix, block.OutputNorms?.Attention);
        MlpOutputNorm = Norm(prefix, block.OutputNorms?.Mlp);
        GateUp = Join(GateUpNames);
        Down = Join(DownNames);
        magnitudes = JoinedWeights.JoinMagnitudes([QueryKeyValue, Output, GateUp, Down]);

        // Phi-3 has one layer where others have three or two; either way it is one matrix here.
        JoinedWeights Join(IReadOnlyList<string> layers) => new([.. layers.Select(weights.Linear)]);

        NormWeight? Norm(string owner, NormShape? norm) => norm is null ? null : weights.NormWeight(owner, norm, (Output.DataType, Output.Device));

        HeadNorm[] NormsOfHeads(NormShape query, NormShape key)
        {
            string owner = $"{prefix}{attention.Name}.";
            if (query.Width != attention.HeadDimension)
            {
                return [new(0, attention.Heads, Norm(owner, query)!), new(attention.Heads, attention.KeyValueHeads, Norm(owner, key)!)];
            }

            // q and k are normalised in one pass, each head by its own kind's weight.
            using Tensor queryWeight = weights.Norm(owner, query); // [headSize]
            using Tensor keyWeight = weights.Norm(owner, key); // [headSize]
            using Tensor queries = queryWeight.expand(attention.Heads, attention.HeadDimension);
            using Tensor keys = keyWeight.expand(attention.KeyValueHeads, attention.HeadDimension);
            return [new(0, attention.Heads + attention.KeyValueHeads, NormWeight.Of(cat([queries, keys]).DetachFromDisposeScope(), Output.DataType))];
        }
    }

    /// <summary>The shape.</summary>
    public FusedBlock Block { get; }

    /// <summary>The layers of q, k and v.</summary>
    public IReadOnlyList<string> QueryKeyValueNames { get; }

    /// <summary>The layer that joins the heads.</summary>
    public IReadOnlyList<string> OutputNames { get; }

    /// <summary>The layers of gate and up, or of up alone.</summary>
    public IReadOnlyList<string> GateUpNames { get; }

    /// <summary>The last layer of the MLP.</summary>
    public IReadOnlyList<string> DownNames { get; }

    /// <summary>What the norms add to the mean of the squares.</summary>
    public double Epsilon => Block.Epsilon;

    /// <summary>Of what attention sees, [hidden], or null.</summary>
    public NormWeight? InputNorm { get; }

    /// <summary>[(heads + 2 kvHeads) headSize, hidden].</summary>
    public JoinedWeights QueryKeyValue { get; }

    /// <summary>How its outputs come into the order of attention; null where they are in it.</summary>
    public HeadOrder? Order { get; }

    /// <summary>Of the heads of q and k, in their order: one for all, one for those of q and one for those of k, or none.</summary>
    public IReadOnlyList<HeadNorm> HeadNorms { get; }

    /// <summary>[hidden, heads headSize].</summary>
    public JoinedWeights Output { get; }

    /// <summary>Of what the MLP sees, [hidden]; null for none, and where it sees what attention does.</summary>
    public NormWeight? MiddleNorm { get; }

    /// <summary>Of what attention gives, [hidden], or null.</summary>
    public NormWeight? AttentionOutputNorm { get; }

    /// <summary>Of what the MLP gives, [hidden], or null.</summary>
    public NormWeight? MlpOutputNorm { get; }

    /// <summary>[2 intermediate, hidden], or [intermediate, hidden] without a gate.</summary>
    public JoinedWeights GateUp { get; }

    /// <summary>[hidden, intermediate].</summary>
    public JoinedWeights Down { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable? owned in (IDisposable?[])[InputNorm, QueryKeyValue, Order, Output, MiddleNorm, AttentionOutputNorm, MlpOutputNorm, GateUp, Down, magnitudes, .. HeadNorms.Select(norm => norm.Weight)])
        {
            owned?.Dispose();
        }
    }
}

/// <summary>A norm of heads that lie side by side: of each with its own weight, [heads, headSize], or of all of their values at once, [heads headSize].</summary>
/// <param name="First">The first of them.</param>
/// <param name="Count">How many they are.</param>
/// <param name="Weight">What it multiplies by.</param>
internal sealed record HeadNorm(int First, int Count, NormWeight Weight)
{
    /// <summary>How many rows of a token it normalises.</summary>
    public int Rows => IsOfEach ? Count : 1;

    private bool IsOfEach => Weight.Wide.dim() == 2;

    /// <summary>Its heads out of all, [tokens, heads, headSize], as the rows that it normalises: a view.</summary>
    public Tensor Of(Tensor heads)
    {
        Tensor own = heads.narrow(1, First, Count);
        return IsOfEach ? own : own.flatten(1);
    }
}
