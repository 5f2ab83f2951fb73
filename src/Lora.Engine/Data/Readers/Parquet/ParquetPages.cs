using Parquet.Meta;
using ZstdSharp;

namespace Lora.Data;

/// <summary>The pages of a column before Parquet.Net sees them: they lie within the file, have as many values as is said, and no size that such bytes cannot unpack to.</summary>
internal static class ParquetPages
{
    private const int UsualHeader = 1 << 10;
    private const int LongestHeader = 1 << 24;
    private const long PlausibleSize = 1 << 26;
    private const long PlausibleRatio = 1100; // deflate's most is 1032; what packs better is a page of one value and below the size

    /// <summary>Checks the pages of a column.</summary>
    /// <param name="file">The file.</param>
    /// <param name="end">Where its footer begins.</param>
    /// <param name="column">Where the column lies, and how many values it has.</param>
    /// <param name="isNested">Whether it lies within a list.</param>
    /// <returns>Where the last page ends.</returns>
    /// <exception cref="InvalidDataException">What is wrong.</exception>
    /// <exception cref="EndOfStreamException">A page reaches beyond the end.</exception>
    public static long Check(ParquetStream file, long end, ColumnMetaData column, bool isNested)
    {
        long offset = new[] { column.DictionaryPageOffset ?? 0, column.DataPageOffset, column.IndexPageOffset ?? 0 }.Where(start => start != 0).DefaultIfEmpty(0).Min();
        long values = 0;
        while (values < column.NumValues)
        {
            Require(offset >= 0 && offset < end, "a page lies outside of the file");
            (ThriftStruct page, int length) = Header(file, offset, end);
            // PageHeader: 1 is the type, 2 and 3 are the sizes, 5 is a data page's own header, 7 a dictionary's, 8 that of a data page of version 2.
            (long unpacked, long packed) = (page.Number(2, -1), page.Number(3, -1));
            offset += length + packed;
            Require(packed >= 0 && offset <= end, "a page reaches beyond the end of the file");
            CheckSize(unpacked, packed);
            values += page.Number(1) switch
            {
                (long)PageType.DATA_PAGE => Values(page.Struct(5), 1),
                (long)PageType.DATA_PAGE_V2 => Values(page.Struct(8), 1),
                _ => 0,
            };
            if (page.Struct(7) is ThriftStruct dictionary)
            {
                Require(Values(dictionary, 1) <= unpacked, "a dictionary has more values than bytes");
            }

            // A data page of version 2 has its levels before the values, and they are not packed.
            int levels = (int)Math.Clamp((page.Struct(8)?.Number(5) ?? 0) + (page.Struct(8)?.Number(6) ?? 0), 0, packed);
            Require(page.Struct(8) is null || !isNested, "its lists are in data pages of version 2; write it with data pages of version 1");
            CheckSize(Unpacked(file, column.Codec, offset - packed + levels, (int)packed - levels), packed);
        }

        Require(values == column.NumValues, "its pages have more values than the column");
        return offset;
    }

    private static long Values(ThriftStruct? header, int id) =>
        header?.Number(id, -1) is long count and >= 0 ? count : throw new InvalidDataException("a page does not say how many values it has");

    private static void CheckSize(long unpacked, long packed) =>
        Require(unpacked >= 0 && unpacked <= PlausibleSize + (packed * PlausibleRatio) && unpacked <= int.MaxValue, "a page says that it unpacks to more than it can");

    private static (ThriftStruct Header, int Length) Header(ParquetStream file, long offset, long end)
    {
        for (int size = UsualHeader; ; size *= 16)
        {
            byte[] bytes = new byte[(int)Math.Min(size, end - offset)];
            ThriftWalk walk = new(bytes.AsSpan(0, RandomAccess.Read(file.SafeFileHandle, bytes, offset)));
            try
            {
                return (walk.Read("PageHeader"), walk.Length);
            }
            catch (EndOfStreamException) when (size < LongestHeader && size < end - offset)
            {
                // A page's header may hold its smallest and its largest text.
            }
        }
    }

    /// <summary>The size that packed bytes themselves say they have, for the codecs whose readers go by it.</summary>
    private static long Unpacked(ParquetStream file, CompressionCodec codec, long offset, int length)
    {
        if (codec is not (CompressionCodec.SNAPPY or CompressionCodec.ZSTD))
        {
            return 0;
        }

        // Snappy's first number; Zstandard's frames may say it each.
        byte[] bytes = new byte[codec == CompressionCodec.SNAPPY ? Math.Min(5, length) : length];
        RandomAccess.Read(file.SafeFileHandle, bytes, offset);
        if (codec == CompressionCodec.ZSTD)
        {
            return bytes.Length == 0 ? 0 : (long)Math.Min(Decompressor.GetDecompressedSize(bytes), long.MaxValue);
        }

        long size = 0;
        for (int at = 0; at < bytes.Length; at++)
        {
            size |= (long)(bytes[at] & 0x7F) << (7 * at);
            if (bytes[at] < 0x80)
            {
                break;
            }
        }

        return size;
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new InvalidDataException(otherwise);
        }
    }
}
