using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Lora.Checkpoints;
using ZstdSharp;

namespace Lora.Data;

/// <summary>The bytes of a dataset's file: unpacked where they are gzip or Zstandard, all members of it; UTF-8 where they are UTF-16. What is damaged is named.</summary>
internal sealed class FileContent : Stream
{
    private const int SizeBytes = 4;

    private readonly string path;
    private readonly FileStream file;
    private readonly Stream content;
    private readonly Packing packing;
    private readonly Encoding? encoding;
    private long unpacked;

    private FileContent(DatasetFile dataset, FileStream file)
    {
        path = dataset.Path;
        this.file = file;
        packing = PackingOf(Head(file));
        file.Position = 0;
        // Unpacked on its own: a stream that unpacks does not go back to its beginning.
        byte[] head = PeekUnpacked();
        content = Unpacked();
        if (head is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            dataset.Note("is text in UTF-16");
            encoding = new UnicodeEncoding(bigEndian: head[0] == 0xFE, byteOrderMark: true, throwOnInvalidBytes: true);
        }
        // A byte order mark of UTF-8 says more than -DatasetEncoding does.
        else if (head is not [0xEF, 0xBB, 0xBF, ..])
        {
            encoding = dataset.Rules.Encoding;
        }

        content = encoding is null ? content : Encoding.CreateTranscodingStream(content, encoding, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    }

    private enum Packing
    {
        None,
        Gzip,
        Zstandard,
    }

    /// <summary>Whether its bytes are those of the file.</summary>
    public bool IsPlain => content == file;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Opens a file.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/>, <see cref="LoraError.FileUnreadable"/>, <see cref="LoraError.DatasetForm"/>
    /// for a folder or a damaged file, <see cref="LoraError.DatasetEmpty"/>.</exception>
    public static FileContent Open(DatasetFile dataset)
    {
        string path = dataset.Path;
        if (Directory.Exists(path))
        {
            throw LoraException.Of(LoraError.DatasetForm, path, path, "a folder");
        }

        return RegularFile.HasContent(path) ? new(dataset, RegularFile.Open(path)) : throw LoraException.Of(LoraError.DatasetEmpty, path, path);
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        int read = Named(() => content.Read(buffer, offset, count));
        unpacked += read;
        return read > 0 || packing != Packing.Gzip || EndsWhole() ? read : throw Damaged("a gzip file that is cut off");
    }

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            content.Dispose();
            file.Dispose();
        }
    }

    private static byte[] Head(Stream stream)
    {
        byte[] head = new byte[4];
        return head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
    }

    private static Packing PackingOf(byte[] head) => head switch
    {
        [0x1F, 0x8B, ..] => Packing.Gzip,
        [0x28, 0xB5, 0x2F, 0xFD] or [>= 0x50 and <= 0x5F, 0x2A, 0x4D, 0x18] => Packing.Zstandard, // a frame, or one that is to be skipped (RFC 8878, 3.1)
        _ => Packing.None,
    };

    private Stream Unpacked() => packing switch
    {
        Packing.Gzip => new GZipStream(file, CompressionMode.Decompress, leaveOpen: true),
        Packing.Zstandard => new DecompressionStream(file, leaveOpen: true),
        _ => file,
    };

    private byte[] PeekUnpacked()
    {
        Stream unpacked = Unpacked();
        byte[] head = Named(() => Head(unpacked));
        if (unpacked != file)
        {
            unpacked.Dispose();
        }

        file.Position = 0;
        return head;
    }

    /// <summary>Whether the size that a gzip file ends with may be: GZipStream takes a file that is cut off for one that ended.</summary>
    private bool EndsWhole()
    {
        // The size of the last member, which is the whole in most files (RFC 1952, 2.3.1); UTF-8 may have up to twice the bytes of UTF-16, or half.
        if (file.Length < SizeBytes)
        {
            return false;
        }

        byte[] size = new byte[SizeBytes];
        file.Position = file.Length - SizeBytes;
        file.ReadExactly(size);
        return BinaryPrimitives.ReadUInt32LittleEndian(size) <= Math.Max(2 * unpacked, 2) || unpacked > uint.MaxValue;
    }

    private T Named<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (exception is InvalidDataException or ZstdException)
        {
            throw Damaged(packing == Packing.Gzip ? "a damaged gzip file" : "a damaged Zstandard file");
        }
        catch (EndOfStreamException)
        {
            throw Damaged("a Zstandard file that is cut off");
        }
        catch (DecoderFallbackException)
        {
            throw Damaged($"no text in {encoding!.WebName.ToUpperInvariant()}, or damaged");
        }
        catch (IOException exception)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, path, path, exception.Message);
        }
    }

    private LoraException Damaged(string form) => LoraException.Of(LoraError.DatasetForm, path, path, form);
}
