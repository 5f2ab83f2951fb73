using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The frozen weights of one block.</summary>
internal sealed class FusedLayerWeights : IDisposable
{
    /// <param name="weights">The model's.</param>
    /// <param name="prefix">The block's name with a dot.</param>
    /// <param name="block">The shape.</param>
    public FusedLayerWeights(ModuleWeights weights, string prefix, FusedBlock block)
    {
        AttentionShape attention = block.Attention;
        Epsilon = block.Block.AttentionNorm.Epsilon;
        Block = block;
        string[][] names = [.. block.Block.Products.Select(product => product.Select(name => prefix + name).ToArray())];
        (QueryKeyValueNames, OutputNames, GateUpNames, DownNames) = (names[0], names[1], names[2], names[3]);
        InputNorm = weights.Norm(prefix, block.Block.AttentionNorm);
        QueryKeyValue = Join(QueryKeyValueNames);
        QueryNorm = HeadNorm(attention.QueryNorm);
        KeyNorm = HeadNorm(attention.KeyNorm);
        Output = Join(OutputNames);
        MiddleNorm = weights.Norm(prefix, block.Block.MlpNorm);
        GateUp = Join(GateUpNames);
        Down = Join(DownNames);

        // Phi-3 has one layer where others have three or two; either way it is one matrix here.
        JoinedWeights Join(IReadOnlyList<string> layers) => new([.. layers.Select(weights.Linear)]);

        Tensor? HeadNorm(NormShape? norm) => norm is null ? null : weights.Norm($"{prefix}{attention.Name}.", norm);
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
    public Tensor InputNorm { get; }

    /// <summary>[(heads + 2 kvHeads) headSize, hidden].</summary>
    public JoinedWeights QueryKeyValue { get; }

    /// <summary>[headSize], or null.</summary>
    public Tensor? QueryNorm { get; }

    /// <summary>[headSize], or null.</summary>
    public Tensor? KeyNorm { get; }

    /// <summary>[hidden, heads headSize].</summary>
    public JoinedWeights Output { get; }

    /// <summary>[hidden].</summary>
    public Tensor MiddleNorm { get; }

    /// <summary>[2 intermediate, hidden].</summary>
    public JoinedWeights GateUp { get; }

    /// <summary>[hidden, intermediate].</summary>
    public JoinedWeights Down { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable? owned in new IDisposable?[] { InputNorm, QueryKeyValue, QueryNorm, KeyNorm, Output, MiddleNorm, GateUp, Down })
        {
            owned?.Dispose();
        }
    }
}
