using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lora.Checkpoints;

/// <summary>Writes safetensors files, byte for byte as the reference library does.</summary>
public static class SafetensorsWriter
{
    private const int Alignment = 8;

    /// <summary>
    /// Writes or replaces a file: widest types first, then by name; the header padded with spaces to 8 bytes. The same tensors
    /// always give the same bytes.
    /// </summary>
    /// <param name="path">The file; its folder exists.</param>
    /// <param name="tensors">The tensors, in any order; names are unique and sizes fit shapes.</param>
    /// <param name="metadata">The texts of <c>__metadata__</c>; null for none.</param>
    /// <param name="progress">Told of the bytes after each tensor.</param>
    /// <exception cref="LoraException">A name occurs twice, or the system refused to write.</exception>
    public static void Write(
        string path, IEnumerable<TensorData> tensors, IReadOnlyDictionary<string, string>? metadata = null, IProgress<WorkProgress>? progress = null)
    {
        // The reference library's order: with the widest types first each tensor is aligned to its own width.
        TensorData[] sorted =
            [.. tensors.OrderByDescending(tensor => tensor.DataType).ThenBy(tensor => tensor.Name, StringComparer.Ordinal)];
        Check(path, sorted);
        byte[] header = Header([.. sorted.Select(tensor => (tensor.Name, tensor.DataType, tensor.Shape))], metadata);
        AtomicFile.Write(path, stream =>
        {
            string stage = $"Writing '{Path.GetFileName(path)}'";
            long total = sorted.Sum(tensor => (long)tensor.Bytes.Length);
            long done = 0;
            stream.Write(header);
            foreach (TensorData tensor in sorted)
            {
                stream.Write(tensor.Bytes.Span);
                progress?.Report(new(stage, done += tensor.Bytes.Length, total, WorkUnit.Byte));
            }
        });
    }

    private static void Check(string path, TensorData[] sorted)
    {
        foreach (TensorData tensor in sorted)
        {
            if (tensor.DataType.ByteSize(tensor.Shape) != tensor.Bytes.Length)
            {
                throw new ArgumentException($"The tensor '{tensor.Name}' has {tensor.Bytes.Length} bytes, which do not fit its shape.", nameof(sorted));
            }
        }

        LoraException.ThrowIfAny([.. sorted.GroupBy(tensor => tensor.Name, StringComparer.Ordinal)
            .Where(group => group.Count() > 1)
            .Select(group => new LoraProblem(LoraError.TensorDuplicate, path, path, $"the tensor '{group.Key}'"))]);
    }

    /// <summary>The header of a file in which tensors lie in this order, with its length before it.</summary>
    internal static byte[] Header(IEnumerable<TensorInfo> tensors, IReadOnlyDictionary<string, string> metadata) =>
        Header([.. tensors.Select(tensor => (tensor.Name, tensor.DataType, tensor.Shape))], metadata.Count == 0 ? null : metadata);

    private static byte[] Header((string Name, TensorDataType DataType, long[] Shape)[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using MemoryStream stream = new();
        stream.Write(stackalloc byte[sizeof(ulong)]); // room for the length, which is known at the end
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            WriteJson(json, tensors, metadata);
        }

        while (stream.Length % Alignment != 0)
        {
            stream.WriteByte((byte)' ');
        }

        byte[] header = stream.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - sizeof(ulong));
        return header;
    }

    private static void WriteJson(Utf8JsonWriter json, (string Name, TensorDataType DataType, long[] Shape)[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        json.WriteStartObject();
        if (metadata is not null)
        {
            json.WriteStartObject("__metadata__");
            // In an order, which the reference library's table of them does not have: the same content is the same bytes.
            foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                json.WriteString(key, value);
            }

            json.WriteEndObject();
        }

        long begin = 0;
        foreach ((string name, TensorDataType dataType, long[] shape) in tensors)
        {
            long end = begin + dataType.ByteSize(shape)!.Value;
            json.WriteStartObject(name);
            json.WriteString("dtype", dataType.ToName());
            WriteNumbers(json, "shape", shape);
            WriteNumbers(json, "data_offsets", [begin, end]);
            json.WriteEndObject();
            begin = end;
        }

        json.WriteEndObject();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, ReadOnlySpan<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (long number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }
}
