using System.Text.Json;
using System.Text.Unicode;

namespace Lora.Checkpoints;

/// <summary>Reads the JSON object of a header entry by entry, so that all that is wrong with it is found in one go.</summary>
internal sealed class SafetensorsHeaderJson(string path, long dataStart, List<LoraProblem> problems)
{
    private const string MetadataName = "__metadata__";

    // Each part is a module with a name of its own, as long as all before it: a name of many parts would take memory by the square of its length.
    private const int MostParts = 100;
    private const int Shown = 60;

    private readonly HashSet<string> names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> metadata = new(StringComparer.Ordinal);

    public List<TensorInfo> Tensors { get; } = [];

    public IReadOnlyDictionary<string, string> Metadata => metadata;

    public void Read(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
        {
            Invalid("it is not UTF-8 text");
            return;
        }

        try
        {
            Utf8JsonReader reader = new(json);
            ReadEntries(ref reader);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string escapes half of a surrogate pair.
            Invalid(exception.Message.TrimEnd('.'));
        }
    }

    private void ReadEntries(ref Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            Invalid("it is not a JSON object");
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (!names.Add(name))
            {
                problems.Add(new(LoraError.TensorDuplicate, path, path, $"the tensor '{name}'"));
                reader.Skip();
            }
            else if (name == MetadataName)
            {
                ReadMetadata(ref reader);
            }
            else
            {
                ReadTensor(ref reader, name);
            }
        }

        // Only white space may follow; the reader throws at anything else.
        reader.Read();
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            Invalid($"{MetadataName} is not an object of texts");
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType == JsonTokenType.String)
            {
                metadata[key] = reader.GetString()!;
            }
            else
            {
                Invalid($"the entry '{key}' of {MetadataName} is not a text");
                reader.Skip();
            }
        }
    }

    private void ReadTensor(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            Invalid($"the entry '{name}' is not an object");
            reader.Skip();
            return;
        }

        string? type = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("dtype"u8))
            {
                reader.Read();
                type = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            }
            else if (reader.ValueTextEquals("shape"u8))
            {
                reader.Read();
                shape = ReadSizes(ref reader);
            }
            else if (reader.ValueTextEquals("data_offsets"u8))
            {
                reader.Read();
                offsets = ReadSizes(ref reader);
            }

            // Skips what the format does not know, and the rest of a value of the wrong kind.
            reader.Skip();
        }

        Add(name, type, shape, offsets);
    }

    /// <summary>Reads an array of non-negative whole numbers; null, with the reader anywhere inside, when it is not one.</summary>
    private static long[]? ReadSizes(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return null;
        }

        List<long> sizes = [];
        bool valid = true;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long size) && size >= 0)
            {
                sizes.Add(size);
            }
            else
            {
                valid = false;
                reader.Skip();
            }
        }

        return valid ? [.. sizes] : null;
    }

    private void Add(string name, string? typeName, long[]? shape, long[]? offsets)
    {
        if (name.AsSpan().Count('.') >= MostParts)
        {
            Invalid($"the name '{name[..Math.Min(Shown, name.Length)]}...' has more than {MostParts} parts");
        }
        else if (typeName is null || shape is null || offsets is not [long begin, long end])
        {
            Invalid($"the entry '{name}' needs dtype (a text), shape (sizes) and data_offsets (two offsets)");
        }
        else if (!TensorDataTypes.TryParse(typeName, out TensorDataType type))
        {
            problems.Add(new(LoraError.TensorDataTypeUnknown, path, path, name, typeName, TensorDataTypes.Known));
        }
        else if (end < begin || end > long.MaxValue - dataStart)
        {
            Offsets(name, $"[{begin}, {end}] is not a range of bytes");
        }
        else if (type.ByteSize(shape) is not long bytes)
        {
            Offsets(name, $"no whole number of bytes holds the shape [{string.Join(", ", shape)}] of {typeName}");
        }
        else if (bytes != end - begin)
        {
            Offsets(name, $"it takes {end - begin} bytes; the shape [{string.Join(", ", shape)}] of {typeName} needs {bytes}");
        }
        else
        {
            Tensors.Add(new() { Name = name, DataType = type, Shape = shape, File = path, Offset = dataStart + begin, Length = bytes });
        }
    }

    private void Invalid(string reason) => problems.Add(new(LoraError.SafetensorsHeaderInvalid, path, path, reason));

    private void Offsets(string name, string reason) => problems.Add(new(LoraError.TensorOffsetsInvalid, path, path, name, reason));
}
