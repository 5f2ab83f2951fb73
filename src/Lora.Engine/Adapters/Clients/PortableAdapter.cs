using System.Globalization;
using Lora.Checkpoints;
using Lora.Native;
using Lora.Selection;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// The same change in the plainest form that there is: one rank and a scaling of 1 for every module (s · B A = (s · B) A, and rows of zeros add nothing),
/// a pair in every block for each role that is adapted in one, and v_proj beside q_proj. Clients that know lora_alpha / r alone compute it rightly.
/// </summary>
public static class PortableAdapter
{
    /// <summary>Modules that clients join into one product: where one is adapted, the others need a pair.</summary>
    private static readonly (string Role, string Beside)[] Joined = [("q_proj", "v_proj"), ("v_proj", "q_proj")];

    /// <summary>Makes it.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="model">The base model's folder, whose headers say what the other blocks are like.</param>
    /// <exception cref="LoraException">PortableRefused: everything that has no such form, by name; or the model cannot be read.</exception>
    public static LoraAdapter Of(LoraAdapter adapter, string model)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ModuleTree tree = ModuleTree.Read(model);
        IReadOnlyDictionary<string, FactorPair> pairs = FactorPair.Of(adapter);
        Dictionary<string, LoraModuleInfo> modules = tree.Modules.DistinctBy(module => module.Name).ToDictionary(module => module.Name, StringComparer.Ordinal);
        LoraException.ThrowIfAny([.. Obstacles(adapter, pairs, modules).Select(reason => new LoraProblem(LoraError.PortableRefused, adapter.Label, adapter.Label, reason))]);

        TorchLibrary.Load();
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        long rank = pairs.Values.Max(pair => pair.Rank);
        string[] missing = [.. Missing(pairs.Keys, tree)];
        return new()
        {
            Config = Plain(adapter.Config, (int)rank, [.. pairs.Keys, .. missing], tree),
            Tensors = [.. pairs.Values.SelectMany(pair => Folded(pair, rank)), .. missing.SelectMany(name => Zeros(modules[name], rank))],
            ChatTemplate = adapter.ChatTemplate,
            Labels = adapter.Labels,
        };
    }

    private static IEnumerable<string> Obstacles(LoraAdapter adapter, IReadOnlyDictionary<string, FactorPair> pairs, Dictionary<string, LoraModuleInfo> modules)
    {
        LoraConfig config = adapter.Config;
        if (config.UseDora)
        {
            yield return "DoRA (use_dora) is no product of A and B";
        }

        foreach (string stacks in PlainFactors.Stacks(adapter))
        {
            yield return stacks;
        }

        if (config.UseLoraBias || config.Bias != LoraBias.None)
        {
            yield return "it trained biases, which clients pass over";
        }

        if (LoraInitialization.Of(config.Initialization).ChangesBase)
        {
            yield return $"it belongs to a base that '{config.Initialization}' changed";
        }

        string[] saved = [.. new AdapterTraits(adapter, null).Saved];
        if (saved.Length > 0)
        {
            yield return $"it has modules that are saved whole: {string.Join(", ", saved)}";
        }

        if (pairs.Count == 0)
        {
            yield return "it has no pair of A and B";
        }

        string[] unknown = [.. pairs.Keys.Where(name => !modules.ContainsKey(name))];
        if (unknown.Length > 0)
        {
            yield return $"the model has no '{unknown[0]}'{(unknown.Length > 1 ? string.Create(CultureInfo.InvariantCulture, $" and {unknown.Length - 1} more of its modules") : "")}";
        }
    }

    /// <summary>The modules that get a pair of zeros: those of an adapted role in every other block, and what clients join with them.</summary>
    private static IEnumerable<string> Missing(IEnumerable<string> adapted, ModuleTree tree)
    {
        HashSet<string> present = new(adapted, StringComparer.Ordinal);
        HashSet<(string Stack, string Role)> roles = [.. present.Select(BlockPlace.Of).OfType<BlockPlace>().SelectMany(place => WithJoined(place.Role).Select(role => (place.Stack, role)))];
        return tree.Modules
            .Where(module => module.IsAdaptable() && !present.Contains(module.Name) && BlockPlace.Of(module.Name) is BlockPlace place && roles.Contains((place.Stack, place.Role)))
            .Select(module => module.Name);
    }

    private static IEnumerable<string> WithJoined(string role) => Joined
        .Where(pair => role == pair.Role || role.EndsWith("." + pair.Role, StringComparison.Ordinal))
        .Select(pair => role[..^pair.Role.Length] + pair.Beside)
        .Prepend(role);

    private static IEnumerable<TensorData> Folded(FactorPair pair, long rank)
    {
        Tensor down = pair.DownMatrix(); // [r, columns]
        Tensor up = pair.UpMatrix().Times(pair.Scaling); // [out, r]
        long more = rank - pair.Rank;
        return more == 0 ? pair.With(down, up) : pair.With(
            cat([down, zeros([more, down.shape[1]], ScalarType.Float32, CPU)]), // [rank, columns]
            cat([up, zeros([up.shape[0], more], ScalarType.Float32, CPU)], 1)); // [out, rank]
    }

    private static IEnumerable<TensorData> Zeros(LoraModuleInfo module, long rank)
    {
        (string downName, string upName) = module.Kind == LoraModuleKind.Embedding ? ("lora_embedding_A", "lora_embedding_B") : ("lora_A.weight", "lora_B.weight");
        long[] kernel = module.Kind == LoraModuleKind.Conv2d ? [.. module.Shape.Skip(2)] : [];
        long[] down = [rank, module.InFeatures!.Value, .. kernel]; // [rank, in, kernel ...]
        long[] up = [module.OutFeatures!.Value, rank, .. kernel.Select(_ => 1L)]; // [out, rank, 1 ...]
        yield return Zero(PeftKey.Of(module.Name, downName), down);
        yield return Zero(PeftKey.Of(module.Name, upName), up);
    }

    private static TensorData Zero(string key, long[] shape) => new(key, TensorDataType.F32, shape, new byte[shape.Aggregate((long)sizeof(float), (size, dimension) => size * dimension)]);

    /// <summary>lora_alpha / r is 1, and the targets are a list: of last parts where these mean just the modules adapted, else of whole names.</summary>
    private static LoraConfig Plain(LoraConfig config, int rank, string[] names, ModuleTree tree)
    {
        string[] roles = [.. names.Select(name => name[(name.LastIndexOf('.') + 1)..]).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        SuffixTable table = new(roles);
        HashSet<string> adapted = new(names, StringComparer.Ordinal);
        bool isExact = tree.Modules.All(module => adapted.Contains(module.Name) || (table.FindExact(module.Name) < 0 && table.FindEnding(module.Name) < 0));
        return config with
        {
            Rank = rank,
            Alpha = rank,
            UseRsLora = false,
            RankPattern = null,
            AlphaPattern = null,
            Initialization = "true",
            Module = null,
            TargetModule = isExact ? roles : [.. names.Order(StringComparer.Ordinal)],
            TargetPattern = null,
            ExcludeModule = null,
            ExcludePattern = null,
            LayersToTransform = null,
            LayersPattern = null,
        };
    }
}
