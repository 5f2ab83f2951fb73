namespace Lora;

/// <summary>Where the hidden states below the lowest adapted block are kept from one epoch to the next.</summary>
public enum LoraPrefixCache
{
    /// <summary>In memory when they fit beside the run, else on disk when that has twice the room, else nowhere; only if a row comes twice.</summary>
    Auto,

    /// <summary>Nowhere: they are computed each time.</summary>
    None,

    /// <summary>In main memory.</summary>
    Memory,

    /// <summary>In a file of the system's temporary folder, which goes with the run.</summary>
    Disk,
}
