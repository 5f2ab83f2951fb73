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
        Prefix = prefix;
        Epsilon = config.NormEpsilon;
        InputNorm = weights.Wide(prefix + "input_layernorm.weight")!;
        QueryKeyValue = Join(QueryKeyValueNames);
        QueryNorm = weights.Wide(prefix + "self_attn.q_norm.weight");
        KeyNorm = weights.Wide(prefix + "self_attn.k_norm.weight");
        Output = Join(OutputNames);
        MiddleNorm = weights.Wide(prefix + "post_attention_layernorm.weight")!;
        GateUp = Join(GateUpNames);
        Down = Join(DownNames);

        JoinedWeights Join(string[] names) => new([.. names.Select(name => weights.Linear(prefix + name))]);
    }

    /// <summary>The layers of each product, in the order of their outputs.</summary>
    public static string[] QueryKeyValueNames { get; } = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"];

    public static string[] OutputNames { get; } = ["self_attn.o_proj"];

    public static string[] GateUpNames { get; } = ["mlp.gate_proj", "mlp.up_proj"];

    public static string[] DownNames { get; } = ["mlp.down_proj"];

    /// <summary>The block's name with a dot.</summary>
    public string Prefix { get; }

    /// <summary>What the norms add to the mean of the squares.</summary>
    public double Epsilon { get; }

    /// <summary>[hidden].</summary>
    public Tensor InputNorm { get; }

    /// <summary>[(heads + 2 kv) d, hidden].</summary>
    public JoinedWeights QueryKeyValue { get; }

    /// <summary>[d], or null.</summary>
    public Tensor? QueryNorm { get; }

    /// <summary>[d], or null.</summary>
    public Tensor? KeyNorm { get; }

    /// <summary>[hidden, heads d].</summary>
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
