namespace Lora.Kernels;

/// <summary>Bytes of attention.</summary>
/// <param name="Kept">On the stack between the passes: copies of q, k and v, where there are any.</param>
/// <param name="Probabilities">On the stack between the passes, where they are kept.</param>
/// <param name="Keeping">What the passes have on the stack besides where probabilities are kept.</param>
/// <param name="Again">The same where they are not: they are there in each pass.</param>
/// <param name="Made">Kept between the passes in memory that operators made.</param>
/// <param name="Passing">The most that operators make in passing.</param>
internal readonly record struct AttentionBytes(long Kept, long Probabilities, PassBytes Keeping, PassBytes Again, long Made, long Passing)
{
    /// <summary>What all blocks of a step share; null for nothing.</summary>
    public SharedBytes? Shared { get; init; }
}

/// <summary>The most bytes that a pass has on the stack and lets go.</summary>
/// <param name="Forward">Of the forward pass.</param>
/// <param name="Backward">Of the backward pass.</param>
internal readonly record struct PassBytes(long Forward, long Backward);

/// <summary>Bytes that are there once for all blocks of a step.</summary>
/// <param name="Ways">Of the places of tokens.</param>
/// <param name="Mask">Of the mask that blocks of one window share.</param>
/// <param name="Window">Their window; null for none, or one that no document is longer than.</param>
internal readonly record struct SharedBytes(long Ways, long Mask, int? Window);
