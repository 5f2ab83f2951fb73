using System.Text.RegularExpressions;

namespace Lora.Selection;

/// <summary>What an entry that matches nothing may have been meant as: there are names, patterns and globs, and people mix them up.</summary>
internal static partial class EntryHint
{
    private const string PeftPrefix = "base_model.model.";

    /// <summary>The end of the message: the way that was probably meant, or the nearest names; empty when nothing comes to mind.</summary>
    /// <param name="entry">The entry, with the property that holds it.</param>
    /// <param name="names">The model's names.</param>
    /// <param name="modules">The model's modules.</param>
    public static string Of(LoraTargetEntry entry, IReadOnlyList<string> names, IReadOnlyList<LoraModuleInfo> modules)
    {
        bool isPattern = entry.List is nameof(LoraConfig.TargetPattern) or nameof(LoraConfig.ExcludePattern);
        bool isTable = entry.List is nameof(LoraConfig.RankPattern) or nameof(LoraConfig.AlphaPattern);
        string patterns = entry.List == nameof(LoraConfig.ExcludeModule) ? nameof(LoraConfig.ExcludePattern) : nameof(LoraConfig.TargetPattern);
        // From the surest sign of a mix-up to the least: only what looks like none of them is taken for a typing error.
        return entry.Entry.StartsWith(PeftPrefix, StringComparison.Ordinal) ? $"; the model's own names do not begin with '{PeftPrefix}'"
            : isPattern || isTable ? OfPattern(entry, names, modules)
            : entry.List == nameof(LoraConfig.TargetParameter) ? OfParameter(entry.Entry, modules)
            : AllLinear.Keyword.Equals(entry.Entry, StringComparison.OrdinalIgnoreCase) ? $"; it is a pattern: give it as {patterns}"
            : entry.Entry.AsSpan().ContainsAny(',', ' ') ? "; several names are several entries of the list"
            : Regular.IsMatch(entry.Entry) ? $"; an entry is a name or its ending: give a regular expression as {patterns}"
            : Wildcard.IsMatch(entry.Entry) ? $"; an entry is a name or its ending, without wildcards: choose modules of a listing by globs, or give a regular expression as {patterns}"
            : BlockNumbers.Beyond(entry.Entry, modules) is string beyond ? "; " + beyond
            : IsEnding(entry.Entry, ParameterNames(modules)) ? $"; it is a parameter of a module: give it as {nameof(LoraConfig.TargetParameter)}"
            : Near(entry.Entry, names);
    }

    private static string OfParameter(string entry, IReadOnlyList<LoraModuleInfo> modules) => Regular.IsMatch(entry) || Wildcard.IsMatch(entry)
        ? "; an entry is a parameter's name or its ending: target_parameters has neither wildcards nor regular expressions"
        : Near(entry, ParameterNames(modules));

    /// <summary>That a pattern which is an ending of names would be one in a list; empty for another.</summary>
    /// <param name="list">The property that holds the pattern.</param>
    /// <param name="pattern">The pattern, or an alternative of it.</param>
    /// <param name="names">The model's names.</param>
    public static string WholeNames(string list, string pattern, IReadOnlyList<string> names) => IsEnding(pattern, names)
        ? $@"; a pattern matches whole names: write '.*\.{pattern}', or give '{pattern}' as {ListOf(list)}"
        : "";

    /// <summary>A pattern matches whole names; PEFT's users often give it an ending, or several.</summary>
    private static string OfPattern(LoraTargetEntry entry, IReadOnlyList<string> names, IReadOnlyList<LoraModuleInfo> modules)
    {
        if (NumberRange.Explain(entry.Entry).FirstOrDefault() is string range)
        {
            return "; " + range;
        }

        if (entry.List is nameof(LoraConfig.RankPattern) or nameof(LoraConfig.AlphaPattern) && names.FirstOrDefault(PatternTable.Compile(entry.Entry).Matches) is string other)
        {
            return $" that is adapted; '{other}' is not";
        }

        if (IsEnding(entry.Entry, names))
        {
            return WholeNames(entry.List, entry.Entry, names);
        }

        string[] parts = [.. (entry.Entry.Contains(',', StringComparison.Ordinal) ? entry.Entry.Split(',') : Alternatives.Of(entry.Entry)).Select(part => part.Trim())];
        if (parts.Length > 1 && parts.All(part => Plain.IsMatch(part)) && parts.Any(part => IsEnding(part, names)))
        {
            return $"; a pattern matches whole names: give {string.Join(", ", parts.Select(part => $"'{part}'"))} as {ListOf(entry.List)}";
        }

        if (BlockNumbers.Beyond(entry.Entry, modules) is string beyond)
        {
            return "; " + beyond;
        }

        // The last word of a pattern is most often a role.
        string word = Words.Matches(entry.Entry) is { Count: > 0 } words ? words[^1].Value : "";
        return word.Length == 0 || names.Any(name => name.EndsWith("." + word, StringComparison.Ordinal)) ? "" : Near(word, names);
    }

    private static bool IsEnding(string text, IReadOnlyList<string> names) =>
        Plain.IsMatch(text) && names.Any(name => name.EndsWith("." + text, StringComparison.Ordinal));

    private static string[] ParameterNames(IReadOnlyList<LoraModuleInfo> modules) => [.. modules.Select(module => module.Parameter is null ? $"{module.Name}.weight" : module.Name)];

    private static string ListOf(string pattern) => pattern.Replace("Pattern", "Module", StringComparison.Ordinal);

    private static string Near(string entry, IReadOnlyList<string> names)
    {
        IReadOnlyList<string> near = NearestNames.Find(entry, names);
        return near.Count == 0 ? "" : "; near it are " + string.Join(", ", near.Select(name => $"'{name}'"));
    }

    [GeneratedRegex(@"\.\*|\.\+|[\\()|^$+{}]")]
    private static partial Regex Regular { get; }

    [GeneratedRegex(@"[*?\[\]]")]
    private static partial Regex Wildcard { get; }

    [GeneratedRegex(@"^[\w.]+$")]
    private static partial Regex Plain { get; }

    [GeneratedRegex(@"[A-Za-z_]\w+")]
    private static partial Regex Words { get; }
}
