namespace Lora.Selection;

/// <summary>The regular expressions within a configuration.</summary>
internal static class ConfigPatterns
{
    /// <summary>Tries every pattern and returns what is wrong with them.</summary>
    public static IReadOnlyList<LoraProblem> Check(LoraConfig config)
    {
        List<LoraProblem> problems = [];
        foreach (Func<PythonRegex> compile in Compilations(config))
        {
            try
            {
                compile();
            }
            catch (LoraException exception)
            {
                problems.AddRange(exception.Problems);
            }
        }

        return problems;
    }

    // Functions, not patterns: each one is tried by itself, so that all faults are reported at once.
    private static IEnumerable<Func<PythonRegex>> Compilations(LoraConfig config)
    {
        string[] whole = [.. new[] { config.TargetPattern, config.ExcludePattern }.OfType<string>()];
        LoraPatternValue[] tables = [.. config.RankPattern ?? [], .. config.AlphaPattern ?? []];
        return
        [
            .. whole.Select<string, Func<PythonRegex>>(pattern => () => PythonRegex.Whole(pattern)),
            .. (config.LayersPattern ?? []).Select<string, Func<PythonRegex>>(pattern => () => LayerFilter.Compile(pattern)),
            .. (config.ModulesToSave ?? []).Select<string, Func<PythonRegex>>(pattern => () => SavedModules.Compile(pattern)),
            .. tables.Select<LoraPatternValue, Func<PythonRegex>>(entry => () => PatternTable.Compile(entry.Pattern)),
        ];
    }
}
