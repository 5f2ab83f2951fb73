namespace Lora.Models;

/// <summary>The linear layers of a block by the product that they are part of: layers of one list share an input, and their outputs lie in this order.</summary>
/// <param name="QueryKeyValue">q, k and v.</param>
/// <param name="GateUp">The gate of the MLP, and what it is multiplied with.</param>
internal sealed record ProductNames(string[] QueryKeyValue, string[] GateUp)
{
    private static readonly ProductNames Apart = new(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], ["mlp.gate_proj", "mlp.up_proj"]);

    private static readonly ProductNames Joined = new(["self_attn.qkv_proj"], ["mlp.gate_up_proj"]);

    /// <summary>What joins the heads.</summary>
    public string[] Output { get; } = ["self_attn.o_proj"];

    /// <summary>The end of the MLP.</summary>
    public string[] Down { get; } = ["mlp.down_proj"];

    /// <summary>All four.</summary>
    public IEnumerable<string[]> All => [QueryKeyValue, Output, GateUp, Down];

    /// <summary>The names in a family's checkpoints.</summary>
    public static ProductNames Of(DecoderConfig config) => config.JoinsProjections ? Joined : Apart;
}
