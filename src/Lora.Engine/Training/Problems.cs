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
            problems.AddRange(exception.Problems);
            return null;
        }
    }

    /// <summary>A problem for each file that is not there.</summary>
    public static IEnumerable<LoraProblem> MissingFiles(params IEnumerable<string?> paths) =>
        paths.OfType<string>().Where(path => !File.Exists(path)).Select(path => new LoraProblem(LoraError.PathNotFound, path, path));
}
