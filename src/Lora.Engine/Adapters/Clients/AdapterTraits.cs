using Lora.Checkpoints;
using Lora.Selection;

namespace Lora.Adapters;

/// <summary>What clients differ about, read off an adapter's configuration and tensors.</summary>
/// <param name="adapter">The adapter.</param>
/// <param name="tree">The base model's modules; null when the model is not at hand, and what depends on it is not told then.</param>
internal sealed class AdapterTraits(LoraAdapter adapter, ModuleTree? tree)
{
    private readonly IReadOnlyDictionary<string, FactorPair> pairs = FactorPair.Of(adapter);

    /// <summary>The adapter's configuration.</summary>
    public LoraConfig Config => adapter.Config;

    /// <summary>Whether modules have other ranks than <c>r</c>.</summary>
    public bool RanksDiffer => pairs.Values.Any(pair => pair.Rank != Config.Rank);

    /// <summary>Whether modules have other alphas than <c>lora_alpha</c>.</summary>
    public bool AlphasDiffer => new PatternTable(Config.AlphaPattern) is PatternTable alphas && pairs.Keys.Any(name => alphas.ValueOf(name, Config.Alpha) != Config.Alpha);

    /// <summary>Whether a start that changed the base was written as it is.</summary>
    public bool StartsFromAnotherBase => LoraInitialization.Of(Config.Initialization).ChangesBase;

    /// <summary>Modules saved whole, by their names.</summary>
    public string[] Saved => [.. adapter.Tensors
        .Where(tensor => !FactorPair.IsFactor(tensor.Name) && tensor.Name.EndsWith(".weight", StringComparison.Ordinal) && !tensor.Name.Contains(".lora_", StringComparison.Ordinal))
        .Select(tensor => PeftKey.Module(tensor.Name))
        // PEFT writes the base's own weight beside an adapted embedding (save_embedding_layers): it is no module that was trained whole.
        .Where(name => !pairs.ContainsKey(name))
        .Distinct(StringComparer.Ordinal)];

    /// <summary>Saved modules that are norms, and the others.</summary>
    public (string[] Norms, string[] Others) SavedKinds
    {
        get
        {
            ILookup<bool, string> kinds = Saved.ToLookup(name => name.Contains("norm", StringComparison.OrdinalIgnoreCase));
            return ([.. kinds[true]], [.. kinds[false]]);
        }
    }

    /// <summary>Modules of which rows of single tokens were trained.</summary>
    public string[] Tokens => [.. adapter.Tensors.Where(tensor => PeftKey.IsOfTokens(tensor.Name)).Select(tensor => PeftKey.Module(tensor.Name)).Distinct(StringComparer.Ordinal)];

    /// <summary>Whether an embedding is adapted.</summary>
    public bool AdaptsEmbedding => adapter.Tensors.Any(tensor => tensor.Name.Contains(".lora_embedding_", StringComparison.Ordinal));

    /// <summary>The adapted module that shares its weight with another; null when there is none, or the model is not at hand.</summary>
    public string? Tied => pairs.Keys.FirstOrDefault(name => tree?.Tied?.Other(name) is not null);

    /// <summary>Roles that are adapted in some blocks and not in others, of as many blocks as the adapter, or the model, has.</summary>
    public string[] PartialRoles
    {
        get
        {
            BlockPlace[] places = [.. pairs.Keys.Select(BlockPlace.Of).OfType<BlockPlace>()];
            ILookup<string, BlockPlace> all = tree is null
                ? places.ToLookup(place => place.Stack)
                : tree.Modules.Select(module => BlockPlace.Of(module.Name)).OfType<BlockPlace>().ToLookup(place => place.Stack);
            return [.. places.GroupBy(place => (place.Stack, place.Role))
                .Where(role => role.Select(place => place.Block).Distinct().Count() < all[role.Key.Stack].Select(place => place.Block).Distinct().Count())
                .Select(role => role.Key.Role)];
        }
    }

    /// <summary>Blocks in which one of a pair of roles is adapted and the other is not, by the names of the modules that stand alone.</summary>
    public string[] Alone(string role, string other) => [.. pairs.Keys
        .Where(name => name.EndsWith("." + role, StringComparison.Ordinal) && !pairs.ContainsKey(name[..^role.Length] + other))];
}
