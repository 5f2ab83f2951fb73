using System.Globalization;
using System.Runtime.InteropServices;
using Lora.Checkpoints;

namespace Lora.Adapters;

/// <summary>
/// Reads an adapter of llama.cpp (<c>general.type</c> is adapter) back under the names that PEFT has for the modules of its base, rows in the model's
/// order. The base is not needed: the architecture tells the names, and the number of heads stands in the files that are written here.
/// </summary>
/// <param name="header">The file.</param>
internal sealed class GgufForm(GgufHeader header)
{
    private const string DownEnding = ".weight.lora_a";
    private const string UpEnding = ".weight.lora_b";
    private const string Embedding = "token_embd";

    private readonly string name = header["general.architecture"]?.Text ?? "";

    /// <summary>Whether a file is an adapter, and no model.</summary>
    /// <exception cref="LoraException">GgufInvalid.</exception>
    public static bool IsAdapter(string path) => GgufHeader.IsGguf(path) && GgufHeader.Read(path)["general.type"]?.Text == "adapter";

    /// <summary>The base model's id on the hub, where the file says it.</summary>
    public string? BaseModel => header["general.base_model.0.repo_url"]?.Text is string url && url.Split('/') is [.., string owner, string model] && owner.Length > 0 ? $"{owner}/{model}" : null;

    /// <summary>What the file calls the base model; null where it does not.</summary>
    public string? BaseModelName => BaseModel ?? header["general.base_model.0.name"]?.Text;

    /// <summary>The chat template that the adapter was trained with, where the file has one.</summary>
    public string? ChatTemplate => header["tokenizer.chat_template"]?.Text;

    /// <summary>PEFT's name of what the base is for; null for an architecture that is not known.</summary>
    public string? TaskType => GgufArchitectures.Named(name)?.TaskType;

    /// <summary>The field of a file written here that says whether the MLPs of an architecture that has both have a gate.</summary>
    public static string GateField(string architecture) => $"{architecture}.feed_forward_gated";

    /// <summary>What keeps the file from being read, as what it uses; null when nothing does.</summary>
    public string? WhyNotRead => GgufArchitectures.Named(name) is not GgufArchitecture known ? $"llama.cpp's architecture '{name}'"
        : header["adapter.type"]?.Text is not "lora" ? $"llama.cpp's adapters of the type '{header["adapter.type"]}'"
        : (Heads < 1 || KeyValueHeads < 1) && header.Tensors.FirstOrDefault(tensor => tensor.Name.EndsWith(UpEnding, StringComparison.Ordinal) && known.NeedsHeads(tensor.Name[..^UpEnding.Length])) is GgufTensor rows
            ? $"llama.cpp's order of the rows of '{rows.Name}', and does not state the number of heads ({name}.attention.head_count)"
        : IsGated is null && header.Tensors.FirstOrDefault(tensor => tensor.Name.EndsWith(DownEnding, StringComparison.Ordinal) && known.ModulesOf(tensor.Name[..^DownEnding.Length]).Count > 1) is GgufTensor either
            ? $"llama.cpp's one name for {string.Join(" and ", known.ModulesOf(either.Name[..^DownEnding.Length]).Select(module => $"'{module}'"))}, and does not state whether its MLPs have a gate ({GateField(name)})"
        : null;

    private double Heads => header[$"{name}.attention.head_count"]?.Number ?? 0;

    private double KeyValueHeads => header[$"{name}.attention.head_count_kv"]?.Number ?? Heads;

    /// <summary>Whether its MLPs have a gate: by the file's word, or because one is adapted; null where neither tells.</summary>
    private bool? IsGated => header[GateField(name)]?.Content as bool? ?? (header.Tensors.Any(tensor => tensor.Name.Contains(".ffn_gate.", StringComparison.Ordinal)) ? true : null);

    /// <summary>The pairs.</summary>
    /// <exception cref="LoraException">AdapterFeatureUnsupported: an architecture or order of rows that is not known; AdapterWeightsInvalid.</exception>
    public IReadOnlyList<NamedPair> Pairs()
    {
        if (WhyNotRead is string unknown)
        {
            throw LoraException.Of(LoraError.AdapterFeatureUnsupported, header.Path, header.Path, unknown);
        }

        GgufArchitecture architecture = GgufArchitectures.Named(name)!;
        TensorFaults faults = new(header.Path, header.Path);
        Dictionary<string, GgufTensor> left = header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        List<NamedPair> pairs = [];
        foreach (GgufTensor down in header.Tensors.Where(tensor => tensor.Name.EndsWith(DownEnding, StringComparison.Ordinal)))
        {
            string place = down.Name[..^DownEnding.Length];
            left.Remove(down.Name);
            if (!left.Remove(place + UpEnding, out GgufTensor? up))
            {
                faults.Add(down.Name, $"there is no '{UpEnding[1..]}' beside it");
            }
            else if (ModuleOf(architecture, place) is not string module)
            {
                faults.Add(down.Name, $"llama.cpp's {name} has no such tensor");
            }
            else if (WhyNot(place, module, down, up) is string reason)
            {
                faults.Add(down.Name, reason);
            }
            else
            {
                pairs.AddRange(Of(architecture, place, module, down, up));
            }
        }

        left.Keys.ToList().ForEach(other => faults.Add(other, "it is neither A nor B of a weight"));
        LoraException.ThrowIfAny(faults.Problems());
        return pairs.Count > 0 ? pairs : throw LoraException.Of(LoraError.AdapterWeightsInvalid, header.Path, header.Path, "it holds no pair of A and B");
    }

    private string? ModuleOf(GgufArchitecture architecture, string place) => architecture.ModulesOf(place) switch
    {
        [string only] => only,
        [string plain, string gated] => IsGated == true ? gated : plain,
        _ => null,
    };

    private static string? WhyNot(string place, string module, GgufTensor down, GgufTensor up)
    {
        int dimensions = module.Contains('*', StringComparison.Ordinal) ? 3 : 2;
        bool fits = down.Shape.Length == dimensions && up.Shape.Length == dimensions && (dimensions == 2 || down.Shape[0] == up.Shape[0])
            && up.Shape[^1] > 0 && up.Shape[^1] <= int.MaxValue && (place == Embedding ? down.Shape[^1] : down.Shape[^2]) == up.Shape[^1];
        return fits ? null : $"the shapes [{string.Join(", ", down.Shape)}] and [{string.Join(", ", up.Shape)}] have no rank in common";
    }

    private IEnumerable<NamedPair> Of(GgufArchitecture architecture, string place, string module, GgufTensor down, GgufTensor up)
    {
        // llama.cpp multiplies by alpha / rank, and by nothing where alpha is 0 or not there.
        long rank = up.Shape[^1];
        double alpha = header["adapter.lora.alpha"]?.Number ?? 0;
        double scaling = alpha == 0 ? 1 : alpha / rank;
        long experts = down.Shape.Length == 3 ? down.Shape[0] : 1;
        TensorData a = Values(down), b = Values(up);
        for (int expert = 0; expert < experts; expert++)
        {
            string own = module.Replace("*", expert.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
            TensorData one = Part(a, expert, experts), other = InOrder(Part(b, expert, experts), architecture, place);
            // Of an embedding A is [vocabulary, rank] in the file, and [rank, vocabulary] in PEFT.
            yield return place == Embedding ? new(own, Turned(one), other, scaling) { IsOfEmbedding = true } : new(own, one, other, scaling);
        }
    }

    /// <summary>The rows in the model's order.</summary>
    private TensorData InOrder(TensorData up, GgufArchitecture architecture, string place)
    {
        if (!architecture.NeedsHeads(place))
        {
            return up;
        }

        long rows = up.Shape[0];
        double own = place.EndsWith("attn_k", StringComparison.Ordinal) ? KeyValueHeads : Heads;
        // Each head has two rows at least. A larger number of heads is that of a damaged file, and not to be counted through.
        long[] order = rows < 2 * own ? [] : architecture.RowOrder(place, rows, (long)Heads, (long)KeyValueHeads)!;
        if (order.Length != rows)
        {
            throw LoraException.Of(LoraError.AdapterWeightsInvalid, header.Path, header.Path, $"'{place}' has {rows} rows, which are not those of {Heads} heads of q and {KeyValueHeads} of k");
        }

        byte[] values = new byte[up.ByteCount];
        int width = up.ByteCount / (int)rows;
        for (int row = 0; row < rows; row++)
        {
            up.Bytes.Span.Slice(row * width, width).CopyTo(values.AsSpan((int)order[row] * width));
        }

        return up with { Bytes = values };
    }

    private static TensorData Part(TensorData stack, int expert, long experts)
    {
        int length = stack.ByteCount / (int)experts;
        return stack.Shape.Length == 2 ? stack : stack with { Shape = stack.Shape[1..], Bytes = stack.Bytes.Slice(expert * length, length) };
    }

    /// <summary>[rows, columns] -> [columns, rows].</summary>
    private static TensorData Turned(TensorData matrix)
    {
        (int rows, int columns) = ((int)matrix.Shape[0], (int)matrix.Shape[1]);
        int width = rows * columns == 0 ? 0 : matrix.ByteCount / (rows * columns);
        byte[] values = new byte[matrix.ByteCount];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                matrix.Bytes.Span.Slice(((row * columns) + column) * width, width).CopyTo(values.AsSpan(((column * rows) + row) * width));
            }
        }

        return matrix with { Shape = [columns, rows], Bytes = values };
    }

    private TensorData Values(GgufTensor tensor)
    {
        byte[] bytes = header.ReadTensor(tensor);
        return tensor.Type switch
        {
            GgufTensorType.F32 => new(tensor.Name, TensorDataType.F32, tensor.Shape, bytes),
            GgufTensorType.F16 => new(tensor.Name, TensorDataType.F16, tensor.Shape, bytes),
            GgufTensorType.BF16 => new(tensor.Name, TensorDataType.BF16, tensor.Shape, bytes),
            _ => new(tensor.Name, TensorDataType.F32, tensor.Shape, OfCodes(tensor, bytes)),
        };
    }

    private static byte[] OfCodes(GgufTensor tensor, byte[] blocks)
    {
        float[] values = new float[tensor.Shape.Aggregate(1L, (count, size) => count * size)];
        GgufDecoder.Decode(tensor.Type, blocks, values);
        return MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
    }
}
