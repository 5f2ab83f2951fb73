namespace Lora.Text;

/// <summary>What becomes of the matches at which a text is split.</summary>
internal enum SplitBehavior
{
    /// <summary>Each match is a piece of its own.</summary>
    Isolated,

    /// <summary>Matches are dropped.</summary>
    Removed,

    /// <summary>A match ends the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>A match begins the piece after it.</summary>
    MergedWithNext,

    /// <summary>Matches that touch are one piece.</summary>
    Contiguous,
}
