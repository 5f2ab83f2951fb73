using System.Buffers.Binary;

namespace Lora.Data;

/// <summary>
/// A Parquet file's footer before Parquet.Net sees it: each length lies within the file, the schema is a tree of bounded depth, and the file is
/// neither encrypted nor spread over others.
/// </summary>
internal static class ParquetFooter
{
    private const int MagicLength = 4;
    private const int DeepestSchema = 64;
    private const long Required = 0;
    private const long Repeated = 2;

    private static ReadOnlySpan<byte> Magic => "PAR1"u8;

    /// <summary>Checks the footer.</summary>
    /// <param name="file">The file.</param>
    /// <returns>Where the footer begins, and for each column how deep it may be defined and repeated.</returns>
    /// <exception cref="InvalidDataException">What is wrong.</exception>
    /// <exception cref="EndOfStreamException">It is cut off.</exception>
    public static (long Start, IReadOnlyList<(int Definition, int Repetition)> Columns) Check(ParquetStream file)
    {
        Span<byte> tail = stackalloc byte[2 * MagicLength];
        if (RandomAccess.Read(file.SafeFileHandle, tail[..MagicLength], 0) < MagicLength || !tail.StartsWith(Magic))
        {
            throw new InvalidDataException("it is packed as a whole; unpack it");
        }

        if (file.Length < 3 * MagicLength || RandomAccess.Read(file.SafeFileHandle, tail, file.Length - tail.Length) < tail.Length || !tail.EndsWith(Magic))
        {
            throw new InvalidDataException("its end is missing");
        }

        long start = file.Length - tail.Length - BinaryPrimitives.ReadInt32LittleEndian(tail);
        if (start < MagicLength || start > file.Length - tail.Length)
        {
            throw new InvalidDataException("its footer is longer than the file");
        }

        byte[] footer = new byte[file.Length - tail.Length - start];
        int read = RandomAccess.Read(file.SafeFileHandle, footer, start);
        ThriftStruct meta = new ThriftWalk(footer.AsSpan(0, read)).Read("FileMetaData");
        // FileMetaData: 2 is the schema, 4 the row groups, 8 the encryption. Of a column of a group 1 is the file, 8 and 9 are about its keys.
        if (meta.Has(8) || meta.List(4).SelectMany(group => group.List(1)).Any(column => column.Has(8) || column.Has(9)))
        {
            throw new InvalidDataException("it is encrypted");
        }

        if (meta.List(4).SelectMany(group => group.List(1)).Any(column => column.Has(1)))
        {
            throw new InvalidDataException("its columns lie in other files");
        }

        return (start, Columns(meta.List(2)));
    }

    /// <summary>The levels of the leaves of a schema, whose elements stand in the order of a walk through the tree, each with the number of its children.</summary>
    private static List<(int Definition, int Repetition)> Columns(IReadOnlyList<ThriftStruct> schema)
    {
        List<(int, int)> leaves = [];
        Stack<(long Left, int Definition, int Repetition)> open = new([(1, 0, 0)]);
        foreach (ThriftStruct element in schema)
        {
            while (open.TryPeek(out (long Left, int, int) group) && group.Left == 0)
            {
                open.Pop();
            }

            if (open.Count is 0 or > DeepestSchema)
            {
                break;
            }

            (long left, int definition, int repetition) = open.Pop();
            open.Push((left - 1, definition, repetition));
            bool isRoot = ReferenceEquals(element, schema[0]);
            // SchemaElement: 1 is the type of a leaf, 3 says whether it is required, optional or repeated, 5 is the number of children.
            long kind = isRoot ? Required : element.Number(3);
            (definition, repetition) = (definition + (kind == Required ? 0 : 1), repetition + (kind == Repeated ? 1 : 0));
            long children = element.Number(5);
            // A leaf has a type and no children, a group children and no type.
            if (children > 0 == element.Has(1))
            {
                break;
            }

            if (children > 0)
            {
                open.Push((children, definition, repetition));
            }
            else
            {
                leaves.Add((definition, repetition));
            }
        }

        return schema.Count > 0 && leaves.Count > 0 && open.All(group => group.Left == 0) ? leaves : throw new InvalidDataException("its schema is no tree");
    }
}
