namespace Lora.Selection;

/// <summary>How many characters a part of a pattern can match; Python allows a look-behind of one width only.</summary>
internal readonly record struct PatternWidth(long Minimum, long Maximum)
{
    // The product of two such numbers still fits a long.
    private const long Unlimited = int.MaxValue;

    public static PatternWidth None { get; } = new(0, 0);

    public static PatternWidth One { get; } = new(1, 1);

    public bool IsFixed => Minimum == Maximum;

    public PatternWidth Then(PatternWidth next) => new(Cap(Minimum + next.Minimum), Cap(Maximum + next.Maximum));

    public PatternWidth Or(PatternWidth other) => new(Math.Min(Minimum, other.Minimum), Math.Max(Maximum, other.Maximum));

    public PatternWidth Repeated(int least, int most) => new(Cap(Minimum * least), Cap(Maximum * most));

    private static long Cap(long width) => Math.Min(width, Unlimited);
}
