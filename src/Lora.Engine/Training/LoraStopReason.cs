namespace Lora;

/// <summary>Why a run ended.</summary>
public enum LoraStopReason
{
    /// <summary>All steps were done.</summary>
    Completed,

    /// <summary>The user stopped it; the adapter is that of the last whole step.</summary>
    Cancelled,

    /// <summary>The loss or a gradient was not finite; the adapter is that of the step before.</summary>
    NotFinite,

    /// <summary>A batch found no memory; the adapter is that of the step before.</summary>
    OutOfMemory,
}
