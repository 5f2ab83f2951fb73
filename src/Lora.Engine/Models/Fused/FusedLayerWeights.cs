using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The frozen weights of one block.</summary>
internal sealed class FusedLayerWeights : IDisposable
{
    /// <param name="weights">The model's.</param>
    /// <param name="prefix">The block's name with a dot.</param>
    /// <param name="config">The shape.</param>
    public FusedLayerWeights(ModuleWeights weights, string prefix, DecoderConfig config)
    {
        Epsilon = config.NormEpsilon;
        Prefix = prefix;
        Names = ProductNames.Of(config);
        InputNorm = weights.Norm(prefix + "input_layernorm.weight", config)!;
        QueryKeyValue = Join(Names.QueryKeyValue);
        QueryNorm = weights.Norm(prefix + "self_attn.q_norm.weight", config);
        KeyNorm = weights.Norm(prefix + "self_attn.k_norm.weight", config);
        Output = Join(Names.Output);
        MiddleNorm = weights.Norm(prefix + "post_attention_layernorm.weight", config)!;
        GateUp = Join(Names.GateUp);
        Down = Join(Names.Down);

        // Phi-3 has one layer where others have three or two; either way it is one matrix here.
        JoinedWeights Join(string[] names) => new([.. names.Select(name => weights.Linear(prefix + name))]);
    }

    /// <summary>The block's name with a dot.</summary>
    public string Prefix { get; }

    /// <summary>The layers of each product, by their names within the block.</summary>
    public ProductNames Names { get; }

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
