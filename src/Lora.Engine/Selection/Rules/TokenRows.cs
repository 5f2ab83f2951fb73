using System.Globalization;
using Lora.Checkpoints;

namespace Lora.Selection;

/// <summary>The rows of one module that are trained by themselves.</summary>
/// <param name="Module">Its whole name.</param>
/// <param name="Indices">The tokens' ids, in the order in which their rows are stored.</param>
/// <param name="Width">Values of a row.</param>
public sealed record TokenRows(string Module, IReadOnlyList<int> Indices, long Width)
{
    /// <summary>Trained values.</summary>
    public long ParameterCount => Indices.Count * Width;
}

/// <summary>PEFT's trainable_token_indices: a list means the embedding of the input tokens, a table names modules (utils/other.py, set_additional_trainable_modules).</summary>
internal static class TokenTargets
{
    /// <summary>The ids of a module's tokens, in the order of its rows.</summary>
    public static int[] IdsOf(LoraConfig config, string module) =>
        [.. (config.TrainableToken ?? []).Where(token => token.Module is null || module == token.Module || module.EndsWith("." + token.Module, StringComparison.Ordinal)).Select(token => token.Index)];

    /// <summary>Finds the modules.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="modules">What the model lists.</param>
    /// <param name="targets">The modules that are adapted.</param>
    /// <param name="saved">The whole names of the modules that are trained whole.</param>
    /// <param name="problems">Takes what is wrong.</param>
    public static IReadOnlyList<TokenRows> Find(
        LoraConfig config, IReadOnlyList<LoraModuleInfo> modules, IReadOnlyList<ResolvedTarget> targets, IReadOnlyList<string> saved, List<LoraProblem> problems)
    {
        List<TokenRows> found = [];
        foreach (IGrouping<string?, LoraTrainableToken> tokens in (config.TrainableToken ?? []).GroupBy(token => token.Module))
        {
            LoraModuleInfo[] named = [.. modules.Where(module => tokens.Key is null ? module.Kind == LoraModuleKind.Embedding && ModuleRole.IsTokenEmbedding(module.Name) : IsNamed(module, tokens.Key))];
            if (named.Length == 0)
            {
                problems.Add(new(LoraError.TargetNotFound, tokens.Key, nameof(config.TrainableToken), tokens.Key ?? "the embedding of the input tokens", ""));
                continue;
            }

            foreach (LoraModuleInfo module in tokens.Key is null ? named[..1] : named)
            {
                int[] indices = [.. tokens.Select(token => token.Index)];
                problems.AddRange(Problems(config, module, indices, targets, saved));
                found.Add(new(module.Name, indices, module.Shape.Count == 2 ? module.Shape[1] : 0));
            }
        }

        problems.AddRange(Apart(config, modules, found));
        return found;
    }

    /// <summary>What the user should know of them: a tied head has the same rows, and tying that is asked for where nothing is tied.</summary>
    public static IEnumerable<string> Notes(LoraConfig config, IReadOnlyList<LoraModuleInfo> modules, IReadOnlyList<TokenRows> rows)
    {
        if (config.EnsureWeightTying && !modules.Any(module => module.TiedTo is not null))
        {
            yield return "EnsureWeightTying has no effect: no two modules of the model share a weight.";
        }

        foreach (LoraModuleInfo head in modules.Where(module => module.TiedTo is string other && rows.Any(row => row.Module == other) && !rows.Any(row => row.Module == module.Name)))
        {
            yield return $"'{head.Name}' shares the weight of '{head.TiedTo}', and has the rows that are trained there too.";
        }
    }

    private static bool IsNamed(LoraModuleInfo module, string entry) => module.Parameter is null && (module.Name == entry || module.Name.EndsWith("." + entry, StringComparison.Ordinal));

    private static IEnumerable<LoraProblem> Problems(LoraConfig config, LoraModuleInfo module, int[] indices, IReadOnlyList<ResolvedTarget> targets, IReadOnlyList<string> saved)
    {
        string name = module.Name;
        if (module.Kind is not (LoraModuleKind.Embedding or LoraModuleKind.Linear))
        {
            yield return new(LoraError.TargetKindUnsupported, name, name, module.Kind, $"{LoraModuleKind.Embedding}, {LoraModuleKind.Linear} for {nameof(config.TrainableToken)}");
        }
        // -NewToken may have made the vocabulary longer than the table in the file is.
        else if (module.Shape.Count == 2 && indices.Where(index => index >= Math.Max(module.Shape[0], config.VocabularySize ?? 0)).ToArray() is { Length: > 0 } beyond)
        {
            string expected = string.Create(CultureInfo.InvariantCulture, $"ids below {module.Shape[0]}, the rows of '{name}'");
            yield return new(LoraError.ConfigValueInvalid, beyond, nameof(config.TrainableToken), string.Join(", ", beyond), expected);
        }

        if (saved.Any(entry => SavedModules.Holds(entry, name)))
        {
            yield return new(LoraError.ConfigConflict, name, $"TrainableToken trains rows of '{name}', which ModulesToSave trains whole");
        }

        if (targets.Any(target => target.Module.Owner == name))
        {
            yield return new(LoraError.ConfigConflict, name, $"TrainableToken trains rows of '{name}', which is a target too");
        }
    }

    /// <summary>PEFT refuses to tie rows that are not of the same tokens.</summary>
    private static IEnumerable<LoraProblem> Apart(LoraConfig config, IReadOnlyList<LoraModuleInfo> modules, IReadOnlyList<TokenRows> rows) =>
        from module in config.EnsureWeightTying ? modules : []
        where module.TiedTo is not null
        let head = rows.FirstOrDefault(row => row.Module == module.Name)
        let embedding = rows.FirstOrDefault(row => row.Module == module.TiedTo)
        where head is not null && embedding is not null && !head.Indices.SequenceEqual(embedding.Indices)
        select new LoraProblem(LoraError.ConfigConflict, module.Name, $"EnsureWeightTying needs the same tokens for '{embedding.Module}' and '{head.Module}', and they differ");
}
