using System.Text.RegularExpressions;
using Lora.Checkpoints;

namespace Lora.Adapters;

/// <summary>
/// An adapter that is one file without a configuration, as those of diffusion models are: read under diffusers' names, so that adapters of one model have the
/// same names whatever wrote them. Values keep their bytes; what the model's own code joins (queries, keys and values) comes apart.
/// </summary>
public static class AdapterFile
{
    /// <summary>The file's name in a folder that diffusers wrote.</summary>
    public const string DiffusersName = "pytorch_lora_weights.safetensors";

    private const string GgufEnding = ".gguf";

    /// <summary>The form of a file; null when it is no adapter's.</summary>
    /// <param name="path">Full path of a file that is there.</param>
    /// <exception cref="LoraException">The file's header is damaged.</exception>
    public static LoraAdapterFormat? FormatOf(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.EndsWith(GgufEnding, StringComparison.OrdinalIgnoreCase) ? GgufForm.IsAdapter(path) ? LoraAdapterFormat.Gguf : null
            : path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) ? LoosePairs.FormatOf(SafetensorsHeader.Read(path).Tensors.Select(tensor => tensor.Name))
            : null;
    }

    /// <summary>Whether a path is that of a file of llama.cpp's that holds no adapter.</summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="LoraException">GgufInvalid.</exception>
    public static bool IsGgufModel(string path) => GgufHeader.IsGguf(path) && !GgufForm.IsAdapter(path);

    /// <summary>Reads an adapter whole.</summary>
    /// <param name="path">Full path of the file.</param>
    /// <exception cref="LoraException">AdapterFeatureUnsupported: it holds more than A, B and alpha, or is a GGUF file whose names or order are not known; AdapterWeightsInvalid; or a damaged file.</exception>
    public static LoraAdapter Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (FormatOf(path) == LoraAdapterFormat.Gguf)
        {
            return ReadGguf(path);
        }

        (LoosePairs pairs, LoraAdapter adapter) = Read(path);
        return pairs.Others.Count == 0
            ? adapter
            : throw LoraException.Of(LoraError.AdapterFeatureUnsupported, path, path, $"tensors that are neither A, B nor alpha ({string.Join(", ", pairs.Others)})");
    }

    /// <summary>Describes an adapter.</summary>
    /// <param name="path">Full path of the file.</param>
    /// <param name="withNorms">Whether norm, effective rank and share of each module's change are wanted.</param>
    /// <exception cref="LoraException">AdapterWeightsInvalid; or a damaged file.</exception>
    public static LoraAdapterInfo Describe(string path, bool withNorms = false)
    {
        ArgumentNullException.ThrowIfNull(path);
        long size = RegularFile.Length(path);
        if (FormatOf(path) == LoraAdapterFormat.Gguf)
        {
            return DescribeGguf(path, withNorms) with { Format = LoraAdapterFormat.Gguf, Size = size };
        }

        (LoosePairs pairs, LoraAdapter adapter) = Read(path);
        // Where there is more than A, B and alpha, a change is not B times A, and the norms would be wrong.
        return AdapterInspector.Describe(adapter, withNorms && pairs.Others.Count == 0) with { Format = pairs.Format, Size = size, Unsupported = [.. pairs.Others] };
    }

    private static (LoosePairs Pairs, LoraAdapter Adapter) Read(string path)
    {
        LoosePairs pairs = LoosePairs.Of(SafetensorsFile.ReadAll(path), path);
        NamedPair[] named = [.. DiffusionNames.Of(pairs.Pairs)];
        string[] twice = [.. named.GroupBy(pair => pair.Name).Where(group => group.Count() > 1).Select(group => group.Key)];
        return twice.Length > 0
            ? throw LoraException.Of(LoraError.AdapterWeightsInvalid, path, path, $"two pairs are for {PlainFactors.Names(twice)}")
            : (pairs, Of(named, path));
    }

    private static LoraAdapter ReadGguf(string path)
    {
        GgufForm form = new(GgufHeader.Read(path));
        LoraAdapter adapter = Of([.. form.Pairs()], path, form.ChatTemplate);
        return adapter.With(adapter.Config with { BaseModelNameOrPath = form.BaseModel, TaskType = form.TaskType });
    }

    private static LoraAdapterInfo DescribeGguf(string path, bool withNorms)
    {
        GgufForm form = new(GgufHeader.Read(path));
        LoraAdapterInfo described = form.WhyNotRead is string unknown
            ? new() { Path = path, Config = new() { TaskType = null }, Unsupported = [unknown], ChatTemplate = form.ChatTemplate }
            : AdapterInspector.Describe(ReadGguf(path), withNorms);
        return described with { BaseModel = form.BaseModelName };
    }

    private static LoraAdapter Of(NamedPair[] pairs, string path, string? chatTemplate = null) => new()
    {
        ChatTemplate = chatTemplate,
        Config = ConfigOf(pairs),
        Tensors =
        [
            .. pairs.SelectMany(pair => new[]
            {
                pair.Down with { Name = PeftKey.Of(pair.Name, pair.IsOfEmbedding ? "lora_embedding_A" : "lora_A.weight") },
                pair.Up with { Name = PeftKey.Of(pair.Name, pair.IsOfEmbedding ? "lora_embedding_B" : "lora_B.weight") },
            }),
        ],
        Path = Path.GetFullPath(path),
    };

    /// <summary>What PEFT would say of the pairs: the rank and the alpha that most have, and patterns for the others.</summary>
    private static LoraConfig ConfigOf(NamedPair[] pairs)
    {
        double rank = Most(pairs, pair => pair.Rank);
        double alpha = Most(pairs, pair => pair.Alpha);
        return ExactTargets.Of(new() { TaskType = null, Rank = (int)rank, Alpha = alpha }, pairs.Select(pair => pair.Name)) with
        {
            RankPattern = Others(pairs, pair => pair.Rank, rank),
            AlphaPattern = Others(pairs, pair => pair.Alpha, alpha),
        };
    }

    private static double Most(NamedPair[] pairs, Func<NamedPair, double> value) => pairs.GroupBy(value).MaxBy(group => group.Count())!.Key;

    private static LoraPatternValue[]? Others(NamedPair[] pairs, Func<NamedPair, double> value, double most)
    {
        // PEFT looks for a pattern at the end of a name; with the ^ it is the whole name.
        LoraPatternValue[] others = [.. pairs.Where(pair => value(pair) != most).Select(pair => new LoraPatternValue { Pattern = '^' + Regex.Escape(pair.Name), Value = value(pair) })];
        return others.Length == 0 ? null : others;
    }
}
