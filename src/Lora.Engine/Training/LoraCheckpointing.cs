namespace Lora;

/// <summary>Which activations are computed again in the backward pass in place of being kept (gradient checkpointing).</summary>
public enum LoraCheckpointing
{
    /// <summary>As few as the memory there is asks for: attention's probabilities first, then whole blocks.</summary>
    Auto,

    /// <summary>None.</summary>
    None,

    /// <summary>Every block but the last: the least memory, half as much work again.</summary>
    Full,
}
