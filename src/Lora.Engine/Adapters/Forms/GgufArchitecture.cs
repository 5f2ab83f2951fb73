using System.Globalization;

namespace Lora.Adapters;

/// <summary>One of llama.cpp's architectures: what it calls the modules of a model, and in which order it wants their rows.</summary>
/// <param name="Name">Its name in <c>general.architecture</c>.</param>
/// <param name="ModelTypes">The <c>model_type</c> of the models that it is for.</param>
internal sealed record GgufArchitecture(string Name, params IReadOnlyList<string> ModelTypes)
{
    /// <summary>What stands before a block's number in the model's own names.</summary>
    public string Blocks { get; init; } = "model.layers.";

    /// <summary>What stands before it in the file's.</summary>
    public string FileBlocks { get; init; } = "blk.";

    /// <summary>The modules of a block, by both names; <c>*</c> is the number of an expert, all of which are one stack in the file.</summary>
    public required IReadOnlyList<(string File, string Model)> InBlock { get; init; }

    /// <summary>The blocks of the decoder, where the model has some beside those of an encoder; null where all are in one list.</summary>
    public GgufBlockList? Decoder { get; init; }

    /// <summary>The modules beside the blocks.</summary>
    public IReadOnlyList<(string File, string Model)> Beside { get; init; } = [("token_embd", "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head")];

    /// <summary>Whether the rows of each head of q and k stand in pairs that are rotated together, where the model has all first halves before all second ones.</summary>
    public bool PairsRows { get; init; }

    /// <summary>Whether the rows of the joined q, k and v stand part by part, where the model has them head by head.</summary>
    public bool SplitsHeads { get; init; }

    /// <summary>The modules of a block, by the file's names, whose biases llama.cpp reads; null for all.</summary>
    public IReadOnlyList<string>? Biases { get; init; } = [];

    /// <summary>PEFT's name of what its models are for.</summary>
    public string TaskType { get; init; } = "CAUSAL_LM";

    /// <summary>Whether norms multiply by their weight, where the model multiplies by 1 + weight.</summary>
    public bool AddsOneToNorms { get; init; }

    /// <summary>What the file calls a module, and which of a stack of experts it is; null for one that it does not have.</summary>
    /// <param name="module">The module's dotted name.</param>
    public (string Name, int? Expert)? Find(string module)
    {
        if (Lists.FirstOrDefault(list => module.StartsWith(list.Model, StringComparison.Ordinal)) is not GgufBlockList blocks)
        {
            return Beside.FirstOrDefault(pair => pair.Model == module).File is string outside ? (outside, null) : null;
        }

        string[] parts = module[blocks.Model.Length..].Split('.');
        int? expert = null;
        // Part 0 is the block's number; another number is an expert's, unless the block's modules are numbered themselves.
        for (int part = 1; part < parts.Length && expert is null && !blocks.Modules.Any(pair => pair.Model == string.Join('.', parts[1..])); part++)
        {
            if (int.TryParse(parts[part], NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                (expert, parts[part]) = (number, "*");
            }
        }

        string role = string.Join('.', parts[1..]);
        return int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int block) && blocks.Modules.FirstOrDefault(pair => pair.Model == role).File is string inside
            ? (string.Create(CultureInfo.InvariantCulture, $"{blocks.File}{block}.{inside}"), expert)
            : null;
    }

    /// <summary>Whether a module may have a bias.</summary>
    /// <param name="name">The file's name for it.</param>
    public bool HasBias(string name) => Biases is null || Biases.Contains(name[(name.LastIndexOf('.') + 1)..]);

    /// <summary>
    /// What the model may call a module of the file, with <c>*</c> for the number of an expert; none for one that it does not have. Where there are two, the
    /// first is that of MLPs without a gate and the second that of MLPs with one.
    /// </summary>
    /// <param name="name">The file's name for it, without <c>.weight</c>.</param>
    public IReadOnlyList<string> ModulesOf(string name)
    {
        if (Lists.FirstOrDefault(list => name.StartsWith(list.File, StringComparison.Ordinal)) is not GgufBlockList blocks)
        {
            return [.. Beside.Where(pair => pair.File == name).Select(pair => pair.Model)];
        }

        string[] parts = name[blocks.File.Length..].Split('.');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int block)
            ? [.. blocks.Modules.Where(pair => pair.File == parts[1]).Select(pair => string.Create(CultureInfo.InvariantCulture, $"{blocks.Model}{block}.{pair.Model}"))]
            : [];
    }

    /// <summary>Where each row of a module's output comes from: row i of the file is row result[i] of the model. Null where they stand alike.</summary>
    /// <param name="name">The file's name for the module.</param>
    /// <param name="rows">How many there are.</param>
    /// <param name="heads">Heads of q.</param>
    /// <param name="keyValueHeads">Heads of k and v.</param>
    public long[]? RowOrder(string name, long rows, long heads, long keyValueHeads)
    {
        string role = name[(name.LastIndexOf('.') + 1)..];
        return (role, PairsRows, SplitsHeads) switch
        {
            ("attn_q", true, _) => Paired(rows, heads),
            ("attn_k", true, _) => Paired(rows, keyValueHeads),
            ("attn_qkv", _, true) => Split(rows, heads),
            _ => null,
        };
    }

    /// <summary>Whether the order of a module's rows hangs on the number of heads.</summary>
    /// <param name="name">The file's name for it.</param>
    public bool NeedsHeads(string name) => RowOrder(name, 2, 1, 1) is not null;

    private IEnumerable<GgufBlockList> Lists => Decoder is null ? [new(FileBlocks, Blocks, InBlock)] : [new(FileBlocks, Blocks, InBlock), Decoder];

    /// <summary>[heads, 2, half] -> [heads, half, 2].</summary>
    private static long[] Paired(long rows, long heads)
    {
        long half = rows / heads / 2;
        return [.. from head in Range(heads) from row in Range(half) from side in Range(2) select (((head * 2) + side) * half) + row];
    }

    /// <summary>[heads, 3, head size] -> [3, heads, head size].</summary>
    private static long[] Split(long rows, long heads)
    {
        long size = rows / heads / 3;
        return [.. from part in Range(3) from head in Range(heads) from row in Range(size) select (((head * 3) + part) * size) + row];
    }

    private static IEnumerable<long> Range(long count) => Enumerable.Range(0, (int)count).Select(number => (long)number);
}

/// <summary>Blocks that are one list, by both names: what stands before their numbers, and the modules of each.</summary>
internal sealed record GgufBlockList(string File, string Model, IReadOnlyList<(string File, string Model)> Modules);
