using System.Buffers.Binary;
using System.Text.Json;

namespace Lora.Checkpoints;

/// <summary>
/// Tells a quantised matrix by the tensors that its module has. The names and layouts are those that the libraries write (AutoGPTQ, AutoAWQ,
/// bitsandbytes, HQQ, compressed-tensors, ModelOpt, transformers' FP8 and MXFP4); config.json only fills in what they leave open.
/// </summary>
/// <param name="stated">What config.json says of the quantisation; null when it says nothing.</param>
/// <param name="checkpoint">Gives the few values that hold a shape: tens of bytes, never weights; null where none can be read.</param>
internal sealed class StoredMatrixRules(StatedQuantization? stated, Checkpoint? checkpoint)
{
    /// <summary>What a shape or a description may take on disk; a larger tensor of that name is something else.</summary>
    private const int MostBytes = 4096;

    private const int PackedBits = 32;

    /// <summary>The matrix that the module's tensors stand for; null when they are not quantised.</summary>
    /// <param name="parts">Its tensors by what follows its name (<see cref="ModuleNode.Parts"/>).</param>
    public StoredMatrix? Of(IReadOnlyDictionary<string, TensorInfo> parts) =>
        parts.TryGetValue("qweight", out TensorInfo? packed) && packed.Shape.Length == 2 ? OfQweight(packed, parts)
            : parts.TryGetValue("W_q", out _) ? OfHqq(parts)
            : parts.TryGetValue("weight_packed", out TensorInfo? compressed) && compressed.Shape.Length == 2 ? OfCompressed(compressed, parts)
            : parts.TryGetValue("weight", out TensorInfo? weight) && weight.Shape.Length == 2 ? OfWeight(weight, parts)
            : parts.Keys.Any(name => name.EndsWith("_blocks", StringComparison.Ordinal) && parts.ContainsKey(name[..^"blocks".Length] + "scales"))
                ? new("MXFP4", 4, null, null) // gpt-oss: the experts of a block in one tensor
                : null;

    /// <summary>GPTQ packs the inputs, [in * bits / 32, out]; AWQ the outputs, [in, out * bits / 32], or in its gemv form [out, in * bits / 32].</summary>
    private StoredMatrix OfQweight(TensorInfo packed, IReadOnlyDictionary<string, TensorInfo> parts)
    {
        long rows = packed.Shape[0];
        long columns = packed.Shape[1];
        long? outputs = parts.TryGetValue("scales", out TensorInfo? scales) && scales.Shape.Length == 2 ? scales.Shape[1] : null;
        if (stated?.Method == "awq" || (stated?.Method is null && outputs is not null && outputs != columns))
        {
            int bits = stated?.Bits ?? Divided(columns * PackedBits, outputs) ?? 4;
            return stated?.Version == "gemv"
                ? new("AWQ", bits, rows, columns * PackedBits / bits)
                : new("AWQ", bits, outputs ?? columns * PackedBits / bits, rows);
        }

        long? inputs = parts.TryGetValue("g_idx", out TensorInfo? groups) && groups.Shape is [long length] ? length : null;
        int packedBits = stated?.Bits ?? Divided(rows * PackedBits, inputs) ?? 4;
        return new("GPTQ", packedBits, columns, inputs ?? rows * PackedBits / packedBits);
    }

    /// <summary>HQQ writes what it knows of a matrix as tensors beside it: <c>shape</c> [2] and <c>nbits</c>.</summary>
    private StoredMatrix OfHqq(IReadOnlyDictionary<string, TensorInfo> parts)
    {
        long[] shape = Integers(parts, "shape");
        int? bits = Integers(parts, "nbits") is [long number] && number is > 0 and <= PackedBits ? (int)number : stated?.Bits;
        return shape is [long outputs, long inputs] ? new("HQQ", bits, outputs, inputs) : new("HQQ", bits, null, null);
    }

    /// <summary>compressed-tensors: 32-bit words with <c>weight_shape</c> beside them, or bytes of two 4-bit floats.</summary>
    private StoredMatrix OfCompressed(TensorInfo packed, IReadOnlyDictionary<string, TensorInfo> parts)
    {
        if (packed.DataType == TensorDataType.U8)
        {
            return OfFloat4(packed, parts);
        }

        long[] shape = Integers(parts, "weight_shape");
        int bits = stated?.Bits ?? Divided(packed.Shape[1] * PackedBits, shape is [_, long columns] ? columns : null) ?? 4;
        return shape is [long outputs, long inputs]
            ? new("compressed-tensors", bits, outputs, inputs)
            : new("compressed-tensors", bits, packed.Shape[0], packed.Shape[1] * PackedBits / bits);
    }

    private StoredMatrix? OfWeight(TensorInfo weight, IReadOnlyDictionary<string, TensorInfo> parts) => weight.DataType switch
    {
        _ when parts.ContainsKey("weight.absmax") => OfBitsAndBytes(parts), // bytes, of whatever dtype
        TensorDataType.U8 when parts.ContainsKey("weight_scale") => OfFloat4(weight, parts),
        TensorDataType.I8 => new(parts.ContainsKey("SCB") ? "bitsandbytes" : "INT8", 8, weight.Shape[0], weight.Shape[1]),
        TensorDataType.F8E4M3 or TensorDataType.F8E5M2 or TensorDataType.F8E4M3Fnuz or TensorDataType.F8E5M2Fnuz => new("FP8", null, weight.Shape[0], weight.Shape[1]),
        _ => null,
    };

    /// <summary>Two 4-bit floats a byte, [out, in / 2]: NVFP4 has FP8 scales of 16 values, MXFP4 exponents of 32.</summary>
    private static StoredMatrix OfFloat4(TensorInfo packed, IReadOnlyDictionary<string, TensorInfo> parts) => new(
        parts.TryGetValue("weight_scale", out TensorInfo? scale) && scale.DataType == TensorDataType.F8E4M3 ? "NVFP4" : "MXFP4", null, packed.Shape[0], packed.Shape[1] * 2);

    /// <summary>bitsandbytes writes a JSON text, as bytes, of what it needs to undo the packing: <c>weight.quant_state.bitsandbytes__nf4</c>.</summary>
    private StoredMatrix OfBitsAndBytes(IReadOnlyDictionary<string, TensorInfo> parts)
    {
        const string State = "weight.quant_state.bitsandbytes__";
        string? name = parts.Keys.FirstOrDefault(key => key.StartsWith(State, StringComparison.Ordinal));
        string scheme = name is null ? "bitsandbytes 4-bit" : "bitsandbytes " + name[State.Length..].ToUpperInvariant();
        long[] shape = name is null ? [] : ShapeOf(Values(parts[name]));
        return shape is [long outputs, long inputs] ? new(scheme, null, outputs, inputs) : new(scheme, null, null, null);
    }

    private static long[] ShapeOf(byte[] json)
    {
        try
        {
            using JsonDocument state = JsonDocument.Parse(json);
            return state.RootElement.ValueKind == JsonValueKind.Object && state.RootElement.TryGetProperty("shape", out JsonElement shape) && shape.ValueKind == JsonValueKind.Array
                ? [.. shape.EnumerateArray().Select(size => size.ValueKind == JsonValueKind.Number && size.TryGetInt64(out long value) ? value : 0)]
                : [];
        }
        catch (JsonException)
        {
            return []; // the shape is not known then; listing goes on
        }
    }

    private long[] Integers(IReadOnlyDictionary<string, TensorInfo> parts, string name)
    {
        if (!parts.TryGetValue(name, out TensorInfo? tensor) || tensor.DataType is not (TensorDataType.I32 or TensorDataType.I64))
        {
            return [];
        }

        byte[] bytes = Values(tensor);
        return tensor.DataType == TensorDataType.I64
            ? [.. bytes.Chunk(sizeof(long)).Select(word => BinaryPrimitives.ReadInt64LittleEndian(word))]
            : [.. bytes.Chunk(sizeof(int)).Select(word => (long)BinaryPrimitives.ReadInt32LittleEndian(word))];
    }

    private byte[] Values(TensorInfo tensor)
    {
        if (checkpoint is null || tensor.Length > MostBytes)
        {
            return [];
        }

        byte[] bytes = new byte[tensor.Length];
        checkpoint.Read(tensor, bytes);
        return bytes;
    }

    /// <summary>A number of bits that the shapes imply; null when they imply none.</summary>
    private static int? Divided(long packedBits, long? values) =>
        values is > 0 && packedBits % values == 0 && packedBits / values is > 0 and <= PackedBits ? (int)(packedBits / values) : null;
}
