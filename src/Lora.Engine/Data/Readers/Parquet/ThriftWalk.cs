namespace Lora.Data;

/// <summary>
/// Reads a struct of Thrift's compact protocol as Parquet has it, and checks each length and type. Parquet.Net trusts both: a header that ends
/// early would keep it reading for ever, and a length that is damaged make it ask for memory without end. So it is given none that did not pass here.
/// </summary>
/// <param name="bytes">The struct, and maybe what follows it.</param>
internal ref struct ThriftWalk(ReadOnlySpan<byte> bytes)
{
    private const int LongestNumber = 10;

    private readonly ReadOnlySpan<byte> bytes = bytes;

    /// <summary>The bytes that have been read.</summary>
    public int Length { get; private set; }

    private enum Wire
    {
        True = 1,
        False = 2,
        Byte = 3,
        Int16 = 4,
        Int32 = 5,
        Int64 = 6,
        Double = 7,
        Bytes = 8,
        List = 9,
        Struct = 12,
    }

    /// <summary>The fields of a struct by their numbers.</summary>
    /// <exception cref="EndOfStreamException">The bytes end within it.</exception>
    /// <exception cref="InvalidDataException">It holds something else than <see cref="ThriftStructs"/> says.</exception>
    public ThriftStruct Read(string name)
    {
        ThriftStruct fields = new();
        short id = 0;
        while (Take(1)[0] is not 0 and byte header)
        {
            // How far the field's number is from the one before; 0: the number itself follows.
            int step = header >> 4;
            id = step == 0 ? (short)Number() : (short)(id + step);
            object? value = Value(ThriftStructs.Of(name, id), (Wire)(header & 15), name);
            fields.Set(id, value);
        }

        return fields;
    }

    private object? Value(string expected, Wire type, string within)
    {
        switch (expected, type)
        {
            case ("int" or "", Wire.Int16 or Wire.Int32 or Wire.Int64):
                return Number();
            case ("bool" or "", Wire.True or Wire.False):
                return type == Wire.True ? 1L : 0L;
            case ("byte" or "", Wire.Byte):
                return (long)Take(1)[0];
            case ("double" or "", Wire.Double):
                Take(sizeof(double));
                return null;
            case ("bytes" or "", Wire.Bytes):
                Take(Count());
                return null;
            case ("", Wire.List):
                return List("", within);
            case ("", Wire.Struct):
                return Read("Empty"); // Parquet.Net cannot skip others
            case (['[', .. string element, ']'], Wire.List):
                return List(element, within);
            case (not ("" or "-" or "int" or "bool" or "byte" or "double" or "bytes"), Wire.Struct) when expected[0] != '[':
                return Read(expected);
            default:
                throw new InvalidDataException($"a field of {within} is not what it should be");
        }
    }

    private List<object?> List(string element, string within)
    {
        byte header = Take(1)[0];
        // 15: the count follows.
        int count = header >> 4 == 15 ? Count() : header >> 4;
        Wire type = (Wire)(header & 15);
        if (count > bytes.Length - Length || type is Wire.True or Wire.False or Wire.List)
        {
            throw new InvalidDataException($"a list of {within} is longer than its file, or of what it should not be"); // each element takes a byte at least
        }

        List<object?> elements = [];
        for (int at = 0; at < count; at++)
        {
            elements.Add(Value(element, type, within));
        }

        return elements;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > bytes.Length - Length)
        {
            throw new EndOfStreamException("it ends too early");
        }

        Length += count;
        return bytes[(Length - count)..Length];
    }

    private int Count()
    {
        ulong count = Unsigned();
        return count <= int.MaxValue ? (int)count : throw new InvalidDataException("a length is beyond any file");
    }

    private long Number()
    {
        // The lowest bit is the sign, so that small negative numbers are short.
        ulong zigzag = Unsigned();
        return (long)(zigzag >> 1) ^ -(long)(zigzag & 1);
    }

    private ulong Unsigned()
    {
        ulong number = 0;
        for (int at = 0; at < LongestNumber; at++)
        {
            byte next = Take(1)[0];
            number |= (ulong)(next & 0x7F) << (7 * at);
            if (next < 0x80)
            {
                return number;
            }
        }

        throw new InvalidDataException("a number has no end");
    }
}

/// <summary>A struct's fields by their numbers: whole numbers, structs and lists; of others only that they are there.</summary>
internal sealed class ThriftStruct
{
    private readonly Dictionary<int, object?> fields = [];

    public void Set(int id, object? value) => fields[id] = value;

    public bool Has(int id) => fields.ContainsKey(id);

    public long Number(int id, long otherwise = 0) => fields.GetValueOrDefault(id) is long number ? number : otherwise;

    public ThriftStruct? Struct(int id) => fields.GetValueOrDefault(id) as ThriftStruct;

    public IReadOnlyList<ThriftStruct> List(int id) => fields.GetValueOrDefault(id) is List<object?> list ? [.. list.OfType<ThriftStruct>()] : [];
}
