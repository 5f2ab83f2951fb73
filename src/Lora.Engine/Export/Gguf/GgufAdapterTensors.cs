using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>A and B of an adapter under the names of the base's tensors. The experts of a block are one stack [experts, ...], with zeros for those that are not adapted.</summary>
internal sealed class GgufAdapterTensors
{
    private const string DownEnding = ".weight.lora_a";
    private const string UpEnding = ".weight.lora_b";

    private readonly Dictionary<string, Entry> entries = new(StringComparer.Ordinal);
    private readonly LoraAdapter adapter;
    private readonly GgufArchitecture architecture;
    private readonly TaskShape shape;
    private readonly ScalarType stored;

    /// <exception cref="LoraException">FormatRefused: everything that has no such form.</exception>
    public GgufAdapterTensors(LoraAdapter adapter, ModuleTree tree, GgufArchitecture architecture, TaskShape shape, LoraTensorType type)
    {
        (this.adapter, this.architecture, this.shape) = (adapter, architecture, shape);
        List<string> reasons = [.. Features(adapter)];
        if (type is not (LoraTensorType.F32 or LoraTensorType.F16 or LoraTensorType.BF16))
        {
            reasons.Add($"rows of a rank are too short for the blocks of {type}; the types of adapters are F32, F16 and BF16");
        }

        IReadOnlyDictionary<string, FactorPair> pairs = reasons.Count == 0 ? FactorPair.Of(adapter) : new Dictionary<string, FactorPair>();
        Dictionary<string, LoraModuleInfo> modules = tree.Modules.DistinctBy(module => module.Name).ToDictionary(module => module.Name, StringComparer.Ordinal);
        List<string> unknown = [], missing = [], misfits = [], misread = [];
        foreach ((string module, FactorPair pair) in pairs)
        {
            if (architecture.Find(module) is null && tree.Tied?.Other(module) is null)
            {
                unknown.Add(module);
            }
            else if (tree.Tied?.Other(module) is string other)
            {
                reasons.Add($"'{module}' shares its weight with '{other}', and llama.cpp has one tensor for both");
            }
            else if (!modules.TryGetValue(module, out LoraModuleInfo? own))
            {
                missing.Add(module);
            }
            else if (own.OutFeatures is long outputs && own.InFeatures is long inputs && (pair.Up.Shape[0] != outputs || pair.Down.Shape[1] != inputs))
            {
                misfits.Add($"'{module}' is adapted for {pair.Down.Shape[1]} inputs and {pair.Up.Shape[0]} outputs, and has {inputs} and {outputs}");
            }
            else if (own.OutFeatures is long rows && RowsOf(module) is long read && read != rows)
            {
                misread.Add($"'{module}' has {rows} outputs, and by its config.json {read}");
            }
            else
            {
                (string name, int? expert) = architecture.Find(module)!.Value;
                Entry entry = entries.TryGetValue(name, out Entry? known) ? known : new([], expert is null ? 0 : ExpertsOf(module, modules));
                entry.Pairs.Add((expert ?? 0, pair));
                entries[name] = entry;
            }
        }

        // One reason for all modules that have it: an adapter of another model has it everywhere.
        reasons.AddRange(new[] { (unknown, $"llama.cpp has no tensor of its architecture {architecture.Name} for"), (missing, "the model has no") }
            .Where(found => found.Item1.Count > 0).Select(found => $"{found.Item2} {PlainFactors.Names(found.Item1)}"));
        reasons.AddRange(new[] { misfits, misread }.Where(found => found.Count > 0).Select(found => found[0] + (found.Count > 1 ? $", and {found.Count - 1} more have other sizes too" : "")));

        LoraException.ThrowIfAny([.. reasons.Select(reason => new LoraProblem(LoraError.FormatRefused, adapter.Label, adapter.Label, LoraAdapterFormat.Gguf, reason))]);
        (GgufTensorType written, stored) = type switch
        {
            LoraTensorType.F32 => (GgufTensorType.F32, ScalarType.Float32),
            LoraTensorType.F16 => (GgufTensorType.F16, ScalarType.Float16),
            _ => (GgufTensorType.BF16, ScalarType.BFloat16),
        };
        Tensors = [.. entries.SelectMany(entry => new GgufTensor[]
        {
            new(entry.Key + DownEnding, written, entry.Value.Stacked(entry.Value.IsEmbedding ? [.. entry.Value.First.Down.Shape.Reverse()] : [entry.Value.Rank, entry.Value.First.Down.Shape[1]])),
            new(entry.Key + UpEnding, written, entry.Value.Stacked([entry.Value.First.Up.Shape[0], entry.Value.Rank])),
        })];
    }

    /// <summary>The tensors of the file.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary>The alpha that the file states. Never 0, which llama.cpp takes for "no alpha".</summary>
    public static float AlphaOf(LoraConfig config) => config.Alpha == 0 ? 1 : (float)config.Alpha;

    /// <summary>The values of a tensor, contiguous and in the file's type.</summary>
    /// <exception cref="LoraException">FormatRefused: a value that the type does not hold.</exception>
    public Tensor ValuesOf(GgufTensor tensor)
    {
        bool isUp = tensor.Name.EndsWith(UpEnding, StringComparison.Ordinal);
        string name = tensor.Name[..^DownEnding.Length];
        Entry entry = entries[name];
        Tensor values = entry.Experts == 0
            ? Of(name, entry.First, entry.Rank, isUp)
            : zeros(tensor.Shape, ScalarType.Float32, CPU); // [experts, ...]
        foreach ((int expert, FactorPair pair) in entry.Experts == 0 ? [] : entry.Pairs)
        {
            values.select(0, expert).copy_(Of(name, pair, entry.Rank, isUp));
        }

        Tensor written = values.to(stored).contiguous();
        return written.isfinite().all().ToBoolean() ? written : throw LoraException.Of(
            LoraError.FormatRefused, adapter.Label, adapter.Label, LoraAdapterFormat.Gguf, $"'{tensor.Name}' has values that {tensor.Type} does not hold; -TensorType F32 does");
    }

    private Tensor Of(string name, FactorPair pair, long rank, bool isUp)
    {
        bool isEmbedding = IsEmbedding(pair);
        long missing = rank - pair.Rank;
        if (!isUp)
        {
            Tensor down = pair.DownMatrix(); // [r, in]
            return isEmbedding ? down.t() : missing == 0 ? down : cat([down, zeros([missing, down.shape[1]], ScalarType.Float32, CPU)]);
        }

        // llama.cpp multiplies by alpha / rank, the rank that it sees.
        Tensor up = pair.UpMatrix().Times(pair.Scaling * rank / AlphaOf(adapter.Config)); // [out, r]
        if (shape is ModelShape decoder && GgufShape.AttentionOf(decoder.Blocks[0]) is AttentionShape attention
            && architecture.RowOrder(name, up.shape[0], attention.Heads, attention.KeyValueHeads) is long[] order)
        {
            up = up.index_select(0, tensor(order, dtype: ScalarType.Int64));
        }

        up = GgufShape.FactorOf(name, shape, architecture) is double factor ? up.Times(factor) : up;
        return missing == 0 ? up : cat([up, zeros([up.shape[0], missing], ScalarType.Float32, CPU)], 1);
    }

    /// <summary>How many rows a module has by the model's configuration, where their order in the file hangs on the heads; else null.</summary>
    private long? RowsOf(string module)
    {
        if (shape is not ModelShape decoder || architecture.Find(module) is not (string name, _) || !architecture.NeedsHeads(name))
        {
            return null;
        }

        AttentionShape attention = GgufShape.AttentionOf(decoder.Blocks[0]);
        return name[(name.LastIndexOf('.') + 1)..] switch
        {
            "attn_q" => attention.QueryWidth,
            "attn_k" => attention.KeyWidth,
            _ => attention.QueryWidth + (2 * attention.KeyWidth),
        };
    }

    /// <summary>What is more than A and B, each with the way out.</summary>
    private static IEnumerable<string> Features(LoraAdapter adapter)
    {
        foreach (string text in PlainFactors.Obstacles(adapter).Concat(PlainFactors.Stacks(adapter)))
        {
            yield return text;
        }

        if (!adapter.Tensors.Any(tensor => FactorPair.IsFactor(tensor.Name)))
        {
            yield return $"'{adapter.Label}' has no pair of A and B";
        }
    }

    private static bool IsEmbedding(FactorPair pair) => pair.Down.Name.EndsWith(".lora_embedding_A", StringComparison.Ordinal);

    /// <summary>How many experts a block has, of which the module is one.</summary>
    private static long ExpertsOf(string module, Dictionary<string, LoraModuleInfo> modules)
    {
        int start = module.IndexOf(".experts.", StringComparison.Ordinal) + ".experts.".Length;
        string role = module[module.IndexOf('.', start)..];
        return modules.Keys.Count(name => name.StartsWith(module[..start], StringComparison.Ordinal) && name.EndsWith(role, StringComparison.Ordinal));
    }

    /// <summary>The pairs of one tensor of the base.</summary>
    /// <param name="Pairs">Each with the number of its expert.</param>
    /// <param name="Experts">How many there are; 0 for a tensor that is no stack.</param>
    private sealed record Entry(List<(int Expert, FactorPair Pair)> Pairs, long Experts)
    {
        public FactorPair First => Pairs[0].Pair;

        public bool IsEmbedding => IsEmbedding(First);

        /// <summary>The largest rank; that of the others is filled up with zeros.</summary>
        public long Rank => Pairs.Max(pair => pair.Pair.Rank);

        public long[] Stacked(long[] shape) => Experts == 0 ? shape : [Experts, .. shape];
    }
}
