namespace Lora.Training;

/// <summary>Gathers what several checks find, so that all of it is reported together.</summary>
internal static class Problems
{
    /// <summary>Runs a check; what it throws joins the other problems.</summary>
    /// <returns>What the check gives; null when it failed.</returns>
    public static T? Collect<T>(List<LoraProblem> problems, Func<T> check)
        where T : class
    {
        try
        {
            return check();
        }
        catch (LoraException exception)
        {
            // null tells the caller to leave out what would need the result; the run ends when all checks are through.
            problems.AddRange(exception.Problems);
            return null;
        }
    }
}

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
