namespace Lora.Models;

/// <summary>What a block keeps of its forward pass; what its backward pass lacks is computed again.</summary>
internal enum Kept
{
    /// <summary>Nothing: no backward pass follows.</summary>
    Nothing,

    /// <summary>The block's input; the whole block is computed again.</summary>
    Input,

    /// <summary>What products gave and attention mixed; what norms and the activation make of it is quick, and is made again.</summary>
    Products,

    /// <summary>Everything but attention's probabilities.</summary>
    AllButProbabilities,

    /// <summary>Everything.</summary>
    All,
}
