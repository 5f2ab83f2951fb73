namespace Lora.Adapters;

/// <summary>A layer that adds a low-rank product.</summary>
internal interface ILowRankLayer
{
    /// <summary>The product.</summary>
    LowRankProduct Product { get; }
}
