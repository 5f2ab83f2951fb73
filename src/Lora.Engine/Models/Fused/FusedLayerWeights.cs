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
        Epsilon = block.AttentionNorm.Epsilon;
        Block = block;
        string[][] names = [.. block.Block.Products.Select(product => product.Select(name => prefix + name).ToArray())];
        (QueryKeyValueNames, OutputNames, GateUpNames, DownNames) = (names[0], names[1], names[2], names[3]);
        QueryKeyValue = Join(QueryKeyValueNames);
        Output = Join(OutputNames);
        InputNorm = Norm(prefix, block.AttentionNorm);
        HeadNorm = attention is { QueryNorm: NormShape query, KeyNorm: NormShape key } ? HeadNorms(query, key) : null;
        MiddleNorm = Norm(prefix, block.MlpNorm);
        if (block.OutputNorms is { } behind)
        {
            (AttentionOutputNorm, MlpOutputNorm) = (Norm(prefix, behind.Attention), Norm(prefix, behind.Mlp));
        }

        GateUp = Join(GateUpNames);
        Down = Join(DownNames);
        magnitudes = JoinedWeights.JoinMagnitudes([QueryKeyValue, Output, GateUp, Down]);

        // Phi-3 has one layer where others have three or two; either way it is one matrix here.
        JoinedWeights Join(IReadOnlyList<string> layers) => new([.. layers.Select(weights.Linear)]);

        NormWeight Norm(string owner, NormShape norm) => NormWeight.Of(weights.Norm(owner, norm), Output.DataType);

        // q and k are normalised in one pass, each head by its own kind's weight.
        NormWeight HeadNorms(NormShape query, NormShape key)
        {
            string owner = $"{prefix}{attention.Name}.";
            using Tensor queryWeight = weights.Norm(owner, query); // [headSize]
            using Tensor keyWeight = weights.Norm(owner, key); // [headSize]
            using Tensor queries = queryWeight.expand(attention.Heads, attention.HeadDimension);
            using Tensor keys = keyWeight.expand(attention.KeyValueHeads, attention.HeadDimension);
            return NormWeight.Of(cat([queries, keys]).DetachFromDisposeScope(), Output.DataType); // [heads + kvHeads, headSize]
        }
    }

    /// <summary>The shape.</summary>
    public FusedBlock Block { get; }

    /// <summary>The layers of q, k and v.</summary>
    public IReadOnlyList<string> QueryKeyValueNames { get; }

    /// <summary>The layer that joins the heads.</summary>
    public IReadOnlyList<string> OutputNames { get; }

    /// <summary>The layers of gate and up.</summary>
    public IReadOnlyList<string> GateUpNames { get; }

    /// <summary>The last layer of the MLP.</summary>
    public IReadOnlyList<string> DownNames { get; }

    /// <summary>What the norms add to the mean of the squares.</summary>
    public double Epsilon { get; }

    /// <summary>[hidden].</summary>
    public NormWeight InputNorm { get; }

    /// <summary>[(heads + 2 kvHeads) headSize, hidden].</summary>
    public JoinedWeights QueryKeyValue { get; }

    /// <summary>Of the heads of q and k, [heads + kvHeads, headSize], or null.</summary>
    public NormWeight? HeadNorm { get; }

    /// <summary>[hidden, heads headSize].</summary>
    public JoinedWeights Output { get; }

    /// <summary>[hidden].</summary>
    public NormWeight MiddleNorm { get; }

    /// <summary>Of what attention gives, [hidden], or null.</summary>
    public NormWeight? AttentionOutputNorm { get; }

    /// <summary>Of what the MLP gives, [hidden], or null.</summary>
    public NormWeight? MlpOutputNorm { get; }

    /// <summary>[2 intermediate, hidden].</summary>
    public JoinedWeights GateUp { get; }

    /// <summary>[hidden, intermediate].</summary>
    public JoinedWeights Down { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable? owned in new IDisposable?[] { InputNorm, QueryKeyValue, HeadNorm, Output, MiddleNorm, AttentionOutputNorm, MlpOutputNorm, GateUp, Down, magnitudes })
        {
            owned?.Dispose();
        }
    }
}
