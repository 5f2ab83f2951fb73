using System.Buffers.Binary;
using System.Text;

namespace Lora.Checkpoints;

/// <summary>Reads the header of one file from its beginning. A count is believed only as far as the file has bytes for so many.</summary>
internal sealed class GgufHeaderReader(Stream stream, string path)
{
    // The length of a key, a letter, a type, and a value of one byte.
    private const int FewestBytesOfField = sizeof(long) + 1 + sizeof(int) + 1;
    // The length of a name, a letter, the number of dimensions, a size, a type and an offset.
    private const int FewestBytesOfTensor = sizeof(long) + 1 + sizeof(int) + sizeof(long) + sizeof(int) + sizeof(long);
    private const int LongestKey = 65_535;
    private const int Shown = 60;
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly long end = Math.Min(stream.Length, GgufHeader.MaximumLength);
    private byte[] buffer = new byte[256];
    private long position;

    /// <exception cref="LoraException">GgufInvalid.</exception>
    public GgufHeader Read()
    {
        if (!Bytes(4).SequenceEqual("GGUF"u8))
        {
            throw Invalid("it does not begin with 'GGUF'");
        }

        uint version = U32();
        if (version is not (2 or GgufWriter.Version))
        {
            throw Invalid(BinaryPrimitives.ReverseEndianness(version) is 2 or GgufWriter.Version
                ? "it is written for big-endian machines" : $"it has the version {version}; 2 and {GgufWriter.Version} are read");
        }

        int tensorCount = Count(FewestBytesOfTensor, "tensors");
        int fieldCount = Count(FewestBytesOfField, "metadata entries");
        List<GgufField> fields = ReadFields(fieldCount);
        uint alignment = AlignmentOf(fields);
        return new(path, fields, Placed(ReadTensors(tensorCount), alignment));
    }

    private List<GgufField> ReadFields(int count)
    {
        List<GgufField> fields = [];
        HashSet<string> keys = new(StringComparer.Ordinal);
        for (int index = 0; index < count; index++)
        {
            string key = Name(LongestKey, "a key");
            if (!keys.Add(key))
            {
                throw Invalid($"the key '{Short(key)}' is there twice");
            }

            GgufValueType type = ValueType(key);
            fields.Add(new(key, type == GgufValueType.Array ? ReadArray(key) : ReadValue(type)));
        }

        return fields;
    }

    private GgufValue ReadArray(string key) => ValueType(key) switch
    {
        GgufValueType.U8 => Array(sizeof(byte), U8),
        GgufValueType.I8 => Array(sizeof(sbyte), I8),
        GgufValueType.U16 => Array(sizeof(ushort), U16),
        GgufValueType.I16 => Array(sizeof(short), I16),
        GgufValueType.U32 => Array(sizeof(uint), U32),
        GgufValueType.I32 => Array(sizeof(int), I32),
        GgufValueType.F32 => Array(sizeof(float), F32),
        GgufValueType.Bool => Array(sizeof(bool), Bool),
        GgufValueType.Text => Array(sizeof(long), Text),
        GgufValueType.U64 => Array(sizeof(ulong), U64),
        GgufValueType.I64 => Array(sizeof(long), I64),
        GgufValueType.F64 => Array(sizeof(double), F64),
        _ => throw Invalid($"the value of '{Short(key)}' is an array of arrays"),
    };

    private GgufValue ReadValue(GgufValueType type) => type switch
    {
        GgufValueType.U8 => GgufValue.Of(U8()),
        GgufValueType.I8 => GgufValue.Of(I8()),
        GgufValueType.U16 => GgufValue.Of(U16()),
        GgufValueType.I16 => GgufValue.Of(I16()),
        GgufValueType.U32 => GgufValue.Of(U32()),
        GgufValueType.I32 => GgufValue.Of(I32()),
        GgufValueType.F32 => GgufValue.Of(F32()),
        GgufValueType.Bool => GgufValue.Of(Bool()),
        GgufValueType.Text => GgufValue.Of(Text()),
        GgufValueType.U64 => GgufValue.Of(U64()),
        GgufValueType.I64 => GgufValue.Of(I64()),
        _ => GgufValue.Of(F64()),
    };

    private GgufValue Array<T>(int fewestBytes, Func<T> read)
        where T : notnull
    {
        T[] values = new T[Count(fewestBytes, "values")];
        for (int index = 0; index < values.Length; index++)
        {
            values[index] = read();
        }

        return GgufValue.OfArray(values);
    }

    private List<GgufTensor> ReadTensors(int count)
    {
        List<GgufTensor> tensors = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        for (int index = 0; index < count; index++)
        {
            string name = Name(GgufTensor.LongestName, "the name of a tensor");
            if (!names.Add(name))
            {
                throw Invalid($"the tensor '{name}' is there twice");
            }

            uint dimensions = U32();
            if (dimensions is 0 or > GgufTensor.MostDimensions)
            {
                throw Invalid($"the tensor '{name}' has {dimensions} dimensions; 1 to {GgufTensor.MostDimensions} are possible");
            }

            long[] shape = new long[dimensions];
            // The file has the sizes from the innermost dimension on.
            for (int dimension = shape.Length - 1; dimension >= 0; dimension--)
            {
                shape[dimension] = I64();
            }

            GgufTensorType type = (GgufTensorType)I32();
            long offset = I64();
            if (!Enum.IsDefined(type))
            {
                throw Invalid($"the tensor '{name}' has the type {(int)type}; those that are read are {GgufTensorTypes.Known}");
            }

            if (shape.Any(size => size < 0) || type.ByteSize(shape) is null)
            {
                throw Invalid($"the tensor '{name}' has the shape [{string.Join(", ", shape)}], which no whole blocks of {type} have");
            }

            tensors.Add(new(name, type, shape) { Offset = offset });
        }

        return tensors;
    }

    private uint AlignmentOf(List<GgufField> fields)
    {
        GgufValue? value = fields.Find(field => field.Key == "general.alignment")?.Value;
        if (value is null)
        {
            return GgufWriter.Alignment;
        }

        return value.Content is uint alignment && uint.IsPow2(alignment) ? alignment : throw Invalid($"its general.alignment is {value}; it is a power of two of the type U32");
    }

    /// <summary>The tensors with offsets from the start of the file: in a row, each padded, the last one within the file.</summary>
    private List<GgufTensor> Placed(List<GgufTensor> tensors, uint alignment)
    {
        UInt128 start = Padded((UInt128)position, alignment);
        UInt128 expected = 0;
        List<GgufTensor> placed = [];
        foreach (GgufTensor tensor in tensors)
        {
            if (tensor.Offset < 0 || (UInt128)tensor.Offset != expected)
            {
                throw Invalid($"the tensor '{tensor.Name}' begins at byte {tensor.Offset} of the values; the one before it ends at {expected}");
            }

            if (start + expected + (UInt128)tensor.Length > (UInt128)stream.Length)
            {
                throw Invalid($"its tensor '{tensor.Name}' ends at byte {start + expected + (UInt128)tensor.Length}; the file has {stream.Length}");
            }

            placed.Add(tensor with { Offset = (long)(start + expected) });
            expected = Padded(expected + (UInt128)tensor.Length, alignment);
        }

        return placed;
    }

    private static UInt128 Padded(UInt128 offset, uint alignment) => (offset + alignment - 1) / alignment * alignment;

    private GgufValueType ValueType(string key)
    {
        GgufValueType type = (GgufValueType)I32();
        return Enum.IsDefined(type) ? type : throw Invalid($"the value of '{Short(key)}' has the type {(int)type}, which the format does not have");
    }

    private int Count(int fewestBytes, string things)
    {
        ulong count = U64();
        // What fits into the header's 256 MB fits an int too.
        return count <= (ulong)(end - position) / (ulong)fewestBytes ? (int)count : throw Invalid($"it states {count} {things}, more than its bytes hold");
    }

    private string Name(int longest, string what)
    {
        string name = Text(longest, what);
        return name.Length > 0 ? name : throw Invalid($"{what} is empty");
    }

    private string Text() => Text(int.MaxValue, "a text");

    private string Text(int longest, string what)
    {
        ulong length = U64();
        if (length > (ulong)longest || length > (ulong)(end - position))
        {
            throw Invalid($"{what} states {length} bytes");
        }

        try
        {
            return StrictUtf8.GetString(Bytes((int)length));
        }
        catch (DecoderFallbackException)
        {
            throw Invalid($"{what} is not UTF-8");
        }
    }

    private byte U8() => Bytes(sizeof(byte))[0];

    private sbyte I8() => (sbyte)U8();

    private ushort U16() => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(sizeof(ushort)));

    private short I16() => BinaryPrimitives.ReadInt16LittleEndian(Bytes(sizeof(short)));

    private uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(sizeof(uint)));

    private int I32() => BinaryPrimitives.ReadInt32LittleEndian(Bytes(sizeof(int)));

    private ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(sizeof(ulong)));

    private long I64() => BinaryPrimitives.ReadInt64LittleEndian(Bytes(sizeof(long)));

    private float F32() => BinaryPrimitives.ReadSingleLittleEndian(Bytes(sizeof(float)));

    private double F64() => BinaryPrimitives.ReadDoubleLittleEndian(Bytes(sizeof(double)));

    private bool Bool() => U8() switch
    {
        0 => false,
        1 => true,
        byte other => throw Invalid($"a truth value is {other}; 0 and 1 are possible"),
    };

    private ReadOnlySpan<byte> Bytes(int count)
    {
        if (count > end - position)
        {
            throw Invalid(end == stream.Length ? $"it ends at byte {end}, within its header" : $"its header has more than {end} bytes");
        }

        if (count > buffer.Length)
        {
            buffer = new byte[count];
        }

        stream.ReadExactly(buffer, 0, count);
        position += count;
        return buffer.AsSpan(0, count);
    }

    private static string Short(string text) => text[..Math.Min(Shown, text.Length)];

    private LoraException Invalid(string reason) => LoraException.Of(LoraError.GgufInvalid, path, path, reason);
}
