namespace Lora;

/// <summary>How far a work is that goes through the parts of a model.</summary>
/// <param name="Done">Parts done.</param>
/// <param name="Total">All parts; more than zero.</param>
/// <param name="Status">The part that was done last, for example a module's name.</param>
public sealed record WorkProgress(long Done, long Total, string Status);
