using System.Text;

namespace Lora.Selection;

/// <summary>Writes a configuration's targets so that PEFT, which knows endings and patterns only, reads the same modules out of them.</summary>
public static class FileTargets
{
    /// <summary>Returns the configuration to save: exact names, <c>all-linear</c>, default targets and what is trained whole are spelled out, all else is as it was.</summary>
    /// <remarks>
    /// Exact names become a list unless one of them is also the ending of another module's name, as a <c>proj_out</c> at the root is of
    /// <c>blocks.0.proj_out</c>; then they become a pattern, which PEFT holds to whole names.
    /// </remarks>
    /// <param name="config">The configuration that was resolved.</param>
    /// <param name="resolved">What it means for the model.</param>
    public static LoraConfig Spell(LoraConfig config, ResolvedTargets resolved)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(resolved);
        if (config.ModulesToSave is not null || resolved.Saved.Count > 0)
        {
            // Whole names: PEFT takes an entry for the plain ending of a name, and would wrap every input_layernorm for a norm.
            config = config with { ModulesToSave = resolved.Saved.Count == 0 ? null : [.. resolved.Saved] };
        }

        if (resolved.Targets.Any(target => target.Module.Kind == LoraModuleKind.Conv1D))
        {
            // PEFT sets it itself, and warns.
            config = config with { FanInFanOut = true };
        }

        LoraPatternValue[]? ranks = FilePatterns.Spell(config.RankPattern, resolved.Targets);
        LoraPatternValue[]? alphas = FilePatterns.Spell(config.AlphaPattern, resolved.Targets);
        if (ranks != config.RankPattern || alphas != config.AlphaPattern)
        {
            config = config with { RankPattern = ranks, AlphaPattern = alphas };
        }

        if (config.Module is not null || AllLinear.IsMeant(config))
        {
            return Exact(config with { Module = null, TargetPattern = null }, resolved);
        }

        bool isDefault = config.TargetModule is null && config.TargetPattern is null;
        return isDefault
            ? config with { TargetModule = Entries(resolved, nameof(config.TargetModule)), TargetPattern = Entries(resolved, nameof(config.TargetPattern))?.Single() }
            : config;
    }

    /// <summary>Puts a backslash before every character that is no letter, digit or underscore, as Python reads it.</summary>
    internal static string Escape(string name)
    {
        StringBuilder text = new();
        foreach (char c in name)
        {
            text.Append(char.IsAsciiLetterOrDigit(c) || c == '_' || c > '\u007f' ? "" : "\\").Append(c);
        }

        return text.ToString();
    }

    private static LoraConfig Exact(LoraConfig config, ResolvedTargets resolved)
    {
        string[] names = [.. resolved.Targets.Where(target => target.Module.Parameter is null).Select(target => target.Module.Name).Order(StringComparer.Ordinal)];
        SuffixTable table = new(names);
        bool isAmbiguous = resolved.Decisions.Any(decision => decision is { Outcome: TargetOutcome.NoMatch, IsParameter: false } && table.FindEnding(decision.Name) >= 0);
        return isAmbiguous ? config with { TargetPattern = string.Join('|', names.Select(Escape)) } : config with { TargetModule = names };
    }

    private static string[]? Entries(ResolvedTargets resolved, string list)
    {
        string[] entries = [.. resolved.Entries.Where(entry => entry.List == list && entry.Hits > 0).Select(entry => entry.Entry)];
        return entries.Length == 0 ? null : entries;
    }
}
