using Lora.Checkpoints;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// The form of sd-scripts: flat names after lora_unet_ or lora_te_, lora_down, lora_up and an alpha each. Flux and Wan are written under the names of their
/// authors' code, whose joined modules get a joined pair: the parts' A below each other, their B as blocks.
/// </summary>
public static class KohyaForm
{
    private const string UnetPrefix = "lora_unet_";

    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt", ["ss_network_module"] = "networks.lora" };

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <param name="adapter">The adapter, of a diffusion model.</param>
    /// <param name="path">The file; its folder is made when it is not there.</param>
    /// <param name="overwrite">Replaces a file that is there.</param>
    /// <param name="progress">Told of the bytes that are written.</param>
    /// <exception cref="LoraException">OutputExists, OutputFailed, or what <see cref="Of"/> throws.</exception>
    public static void Save(LoraAdapter adapter, string path, bool overwrite = false, IProgress<WorkProgress>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!overwrite && Path.Exists(path))
        {
            throw LoraException.Of(LoraError.OutputExists, path, path);
        }

        IReadOnlyList<TensorData> tensors = Of(adapter);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.OutputFailed, path, path, exception.Message);
        }

        SafetensorsWriter.Write(path, tensors, Metadata, progress);
    }

    /// <summary>The tensors of the file.</summary>
    /// <param name="adapter">The adapter, of a diffusion model.</param>
    /// <exception cref="LoraException">AdapterWeightsInvalid, or FormatRefused with everything that has no such form.</exception>
    public static IReadOnlyList<TensorData> Of(LoraAdapter adapter)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        LoraException.ThrowIfAny(AdapterWeightRules.Check(adapter.Config, adapter.Tensors, adapter.Label));
        IReadOnlyDictionary<string, FactorPair> pairs = FactorPair.Of(adapter);
        (ComponentName Place, FactorPair Pair)[] placed = [.. pairs.Select(pair => (ComponentName.Of(pair.Key), pair.Value))];
        string[] main = [.. placed.Where(pair => pair.Place.Component.Length == 0).Select(pair => pair.Place.Name)];
        NameTable? table = FluxNames.Of(main) ?? (WanNames.Are(main) ? WanNames.Table : null);
        LoraException.ThrowIfAny([.. Obstacles(adapter, pairs, main, table)
            .Select(reason => new LoraProblem(LoraError.FormatRefused, adapter.Label, adapter.Label, LoraAdapterFormat.Kohya, reason))]);

        TorchLibrary.Load();
        using IDisposable noGradient = no_grad();
        Dictionary<string, FactorPair> mainPairs = placed.Where(pair => pair.Place.Component.Length == 0).ToDictionary(pair => pair.Place.Name, pair => pair.Pair, StringComparer.Ordinal);
        return [.. main.Select(name => table?.Original(name) ?? (name, [name])).DistinctBy(entry => entry.Item1)
            .SelectMany(entry => Joined(entry.Item1, entry.Item2, mainPairs))
            .Concat(placed.Where(pair => pair.Place.Component.Length > 0)
                .SelectMany(pair => Tensors(Prefix(pair.Place.Component, main) + FlatName.Of(pair.Place.Name), pair.Pair.Down, pair.Pair.Up, pair.Pair.Scaling)))];
    }

    private static IEnumerable<string> Obstacles(LoraAdapter adapter, IReadOnlyDictionary<string, FactorPair> pairs, string[] main, NameTable? table)
    {
        foreach (string text in PlainFactors.Obstacles(adapter).Concat(PlainFactors.Stacks(adapter)))
        {
            yield return text;
        }

        string[] embeddings = [.. pairs.Where(pair => pair.Value.Down.Name.EndsWith("lora_embedding_A", StringComparison.Ordinal)).Select(pair => pair.Key)];
        if (embeddings.Length > 0)
        {
            yield return $"it has no word for embeddings: {PlainFactors.Names(embeddings)}";
        }

        string[] unknown = [.. main.Where(name => table is null && !IsFlat(name))];
        if (unknown.Length > 0)
        {
            yield return $"these are not modules of a diffusion model that is known: {PlainFactors.Names(unknown)}";
        }
    }

    /// <summary>Whether the form has a module under diffusers' own name with underscores for dots, and reads it so again.</summary>
    private static bool IsFlat(string name) => FlatName.Dotted(FlatName.Of(name)) == name
        && (UnetNames.Is(name) || name.Contains(".attn.", StringComparison.Ordinal) || name.Contains("_mlp.", StringComparison.Ordinal) || name.Contains(".attention.", StringComparison.Ordinal)
            || name.Contains(".feed_forward.", StringComparison.Ordinal) || name.Contains("_mod.", StringComparison.Ordinal) || name.Contains("adaLN_modulation", StringComparison.Ordinal));

    // Stable Diffusion has one text encoder; with two, or Flux' two, each has its number.
    private static string Prefix(string component, string[] main) => component switch
    {
        "text_encoder" => main.Any(UnetNames.IsOfFirst) ? "lora_te_" : "lora_te1_",
        _ => $"lora_te{component[^1]}_",
    };

    private static IEnumerable<TensorData> Joined(string original, string[] parts, Dictionary<string, FactorPair> pairs)
    {
        string name = UnetPrefix + FlatName.Of(original);
        if (parts.Length == 1)
        {
            FactorPair only = pairs[parts[0]];
            return Tensors(name, only.Down, original == FluxNames.Swapped ? FusedFactors.Swapped(only.Up) : only.Up, only.Scaling);
        }

        using DisposeScope scope = NewDisposeScope();
        FactorPair?[] present = [.. parts.Select(part => pairs.GetValueOrDefault(part))];
        FactorPair first = present.OfType<FactorPair>().First();
        long hidden = first.Down.Shape[1];
        // A part without a pair has no B that tells its rows: the fourth is the MLP of a single block, the others are as wide as the input.
        long[] rows = [.. parts.Select((_, part) => present[part]?.Up.Shape[0] ?? (part == 3 ? FluxNames.MlpRatio * hidden : hidden))];
        // Parts that were one pair of a joined module, taken apart, still have its A: put together again the rank is what it was.
        return present.All(pair => pair is not null && pair.Scaling == first.Scaling && pair.Down.Shape.AsSpan().SequenceEqual(first.Down.Shape) && pair.Down.Bytes.Span.SequenceEqual(first.Down.Bytes.Span))
            ? Tensors(name, first.Down, AdapterTensors.Copy("", cat([.. present.Select(pair => pair!.UpMatrix())])), first.Scaling)
            : Blocks(name, present, rows, hidden);
    }

    /// <summary>A below each other, and B as blocks with zeros around; a part that is not adapted has rows of zeros alone.</summary>
    private static IEnumerable<TensorData> Blocks(string name, FactorPair?[] parts, long[] rows, long hidden)
    {
        FactorPair[] present = [.. parts.OfType<FactorPair>()];
        // The file has one alpha for the joined module: scalings that differ go into B.
        bool isOneScaling = present.DistinctBy(pair => pair.Scaling).Count() == 1;
        long rank = present.Sum(pair => pair.Rank);
        Tensor down = cat([.. present.Select(pair => pair.DownMatrix())]).view(rank, hidden); // [ranks, in]
        Tensor up = zeros([rows.Sum(), rank], ScalarType.Float32, CPU); // [outs, ranks]
        (long row, long column) = (0, 0);
        for (int part = 0; part < parts.Length; part++)
        {
            if (parts[part] is FactorPair pair)
            {
                up.narrow(0, row, rows[part]).narrow(1, column, pair.Rank).copy_(isOneScaling ? pair.UpMatrix() : pair.UpMatrix().Times(pair.Scaling));
                column += pair.Rank;
            }

            row += rows[part];
        }

        return Tensors(name, AdapterTensors.Copy("", down), AdapterTensors.Copy("", up), isOneScaling ? present[0].Scaling : 1);
    }

    private static IEnumerable<TensorData> Tensors(string name, TensorData down, TensorData up, double scaling)
    {
        yield return down with { Name = name + ".lora_down.weight" };
        yield return up with { Name = name + ".lora_up.weight" };
        // sd-scripts multiplies by alpha / rank, where the rank is that of this very A.
        yield return new(name + ".alpha", TensorDataType.F32, [], BitConverter.GetBytes((float)(scaling * down.Shape[0])));
    }
}
