namespace Lora.Training;

/// <summary>The ranges of numbers that runs are given.</summary>
internal static class OptionRules
{
    /// <summary>A problem when a whole number is too small.</summary>
    public static IEnumerable<LoraProblem> AtLeast(string name, long value, int least) =>
        value < least ? [new(LoraError.ConfigValueInvalid, name, name, value, $"a whole number of at least {least}")] : [];

    /// <summary>A problem when a number is negative, infinite or not a number.</summary>
    public static IEnumerable<LoraProblem> Finite(string name, double value) =>
        !double.IsFinite(value) || value < 0 ? [new(LoraError.ConfigValueInvalid, name, name, value, "a finite number of at least 0")] : [];
}
