using System.Text;

namespace Lora.Checkpoints;

/// <summary>
/// Writes GGUF files of version 3 (ggml's docs/gguf.md), the form that llama.cpp and what is built on it read: metadata, the table of
/// tensors, then their values, each from a multiple of 32 bytes on.
/// </summary>
internal static class GgufWriter
{
    /// <summary>Tensors begin at multiples of so many bytes.</summary>
    public const int Alignment = 32;

    /// <summary>The format's version.</summary>
    public const int Version = 3;

    private static readonly byte[] Padding = new byte[Alignment];

    /// <summary>Writes or replaces a file: all of it or, on failure, nothing.</summary>
    /// <param name="path">The file; its folder exists.</param>
    /// <param name="fields">The metadata, in their order; keys are unique.</param>
    /// <param name="tensors">The tensors, in their order; names are unique.</param>
    /// <param name="write">Writes the values of a tensor, as many bytes as its <see cref="GgufTensor.Length"/>; called for each in turn, so that a file may
    /// be larger than memory.</param>
    /// <param name="check">Given the path of what was written before it takes its place; null for no check.</param>
    /// <exception cref="LoraException">OutputFailed: the system refused to write.</exception>
    /// <exception cref="ArgumentException">A key or name that is there twice, a name or shape that the format does not have.</exception>
    public static void Write(string path, IReadOnlyList<GgufField> fields, IReadOnlyList<GgufTensor> tensors, Action<GgufTensor, Stream> write, Action<string>? check = null)
    {
        byte[] header = Header(fields, tensors);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach (GgufTensor tensor in tensors)
            {
                long end = stream.Position + tensor.Length;
                write(tensor, stream);
                if (stream.Position != end)
                {
                    throw new InvalidOperationException($"The tensor '{tensor.Name}' was written to byte {stream.Position}; it ends at {end}.");
                }

                Pad(stream);
            }
        }, check);
    }

    /// <summary>What comes before the values, padded.</summary>
    private static byte[] Header(IReadOnlyList<GgufField> fields, IReadOnlyList<GgufTensor> tensors)
    {
        Check(fields, tensors);
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream, Encoding.UTF8); // little-endian on every machine
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((long)tensors.Count);
        writer.Write((long)fields.Count);
        foreach (GgufField field in fields)
        {
            Write(writer, field.Key);
            writer.Write((int)field.Value.Type);
            Write(writer, field.Value);
        }

        long offset = 0;
        foreach (GgufTensor tensor in tensors)
        {
            Write(writer, tensor.Name);
            writer.Write(tensor.Shape.Length);
            // From the innermost dimension on.
            foreach (long size in tensor.Shape.Reverse())
            {
                writer.Write(size);
            }

            writer.Write((int)tensor.Type);
            writer.Write(offset);
            offset += Padded(tensor.Length);
        }

        Pad(stream);
        return stream.ToArray();
    }

    private static void Check(IReadOnlyList<GgufField> fields, IReadOnlyList<GgufTensor> tensors)
    {
        if (fields.GroupBy(field => field.Key, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"The key '{twice.Key}' is there twice.", nameof(fields));
        }

        if (tensors.GroupBy(tensor => tensor.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } again)
        {
            throw new ArgumentException($"The tensor '{again.Key}' is there twice.", nameof(tensors));
        }

        if (tensors.FirstOrDefault(tensor => Encoding.UTF8.GetByteCount(tensor.Name) is 0 or > GgufTensor.LongestName || tensor.Shape.Length is 0 or > GgufTensor.MostDimensions) is { } other)
        {
            throw new ArgumentException($"The format has no tensor as '{other}': a name has 1 to {GgufTensor.LongestName} bytes, a shape 1 to {GgufTensor.MostDimensions} sizes.", nameof(tensors));
        }
    }

    private static void Write(BinaryWriter writer, GgufValue value)
    {
        if (value.Content is Array array)
        {
            writer.Write((int)value.ElementType!.Value);
            writer.Write((long)array.Length);
            WriteElements(writer, array);
        }
        else
        {
            Write(writer, value.Content);
        }
    }

    private static void WriteElements(BinaryWriter writer, Array array)
    {
        foreach (object element in array)
        {
            Write(writer, element);
        }
    }

    private static void Write(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case string text:
                // Not by BinaryWriter's own texts, whose lengths take as few bytes as they need: the format has eight.
                byte[] bytes = Encoding.UTF8.GetBytes(text);
                writer.Write((long)bytes.Length);
                writer.Write(bytes);
                break;
            case bool truth:
                writer.Write(truth);
                break;
            case byte number:
                writer.Write(number);
                break;
            case sbyte number:
                writer.Write(number);
                break;
            case ushort number:
                writer.Write(number);
                break;
            case short number:
                writer.Write(number);
                break;
            case uint number:
                writer.Write(number);
                break;
            case int number:
                writer.Write(number);
                break;
            case ulong number:
                writer.Write(number);
                break;
            case long number:
                writer.Write(number);
                break;
            case float number:
                writer.Write(number);
                break;
            case double number:
                writer.Write(number);
                break;
            default:
                throw new ArgumentException($"The format has no {value.GetType()}.", nameof(value));
        }
    }

    private static long Padded(long length) => (length + Alignment - 1) / Alignment * Alignment;

    private static void Pad(Stream stream) => stream.Write(Padding, 0, (int)(Padded(stream.Position) - stream.Position));
}
