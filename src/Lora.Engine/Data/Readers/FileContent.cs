using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Lora.Checkpoints;

namespace Lora.Data;

/// <summary>The bytes of a dataset's file: unpacked where they are gzip, all members of it; UTF-8 where they are UTF-16. What is damaged is named.</summary>
internal sealed class FileContent : Stream
{
    private const int SizeBytes = 4;

    private readonly string path;
    private readonly FileStream file;
    private readonly Stream content;
    private readonly bool isPacked;
    private long unpacked;

    private FileContent(DatasetFile dataset, FileStream file)
    {
        path = dataset.Path;
        this.file = file;
        isPacked = Head(file) is [0x1F, 0x8B, ..];
        file.Position = 0;
        byte[] head = PeekUnpacked();
        content = isPacked ? new GZipStream(file, CompressionMode.Decompress, leaveOpen: true) : file;
        if (head is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            dataset.Note("is text in UTF-16");
            UnicodeEncoding utf16 = new(bigEndian: head[0] == 0xFE, byteOrderMark: true, throwOnInvalidBytes: true);
            content = Encoding.CreateTranscodingStream(content, utf16, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        }
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Opens a file.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/>, <see cref="LoraError.FileUnreadable"/>, <see cref="LoraError.DatasetForm"/>
    /// for a folder or a damaged gzip file, <see cref="LoraError.DatasetEmpty"/>.</exception>
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
        return read > 0 || !isPacked || EndsWhole() ? read : throw Damaged("a gzip file that is cut off");
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
        byte[] head = new byte[2];
        return head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
    }

    private byte[] PeekUnpacked()
    {
        using Stream? packed = isPacked ? new GZipStream(file, CompressionMode.Decompress, leaveOpen: true) : null;
        byte[] head = Named(() => Head(packed ?? file));
        file.Position = 0;
        return head;
    }

    /// <summary>Whether the size that a gzip file ends with may be: GZipStream takes a file that is cut off for one that ended.</summary>
    private bool EndsWhole()
    {
        // The size of the last member, which is the whole in most files (RFC 1952, 2.3.1); UTF-8 may have up to twice the bytes of UTF-16, or half.
        byte[] size = new byte[SizeBytes];
        file.Position = Math.Max(0, file.Length - SizeBytes);
        file.ReadExactly(size);
        return BinaryPrimitives.ReadUInt32LittleEndian(size) <= Math.Max(2 * unpacked, 2) || unpacked > uint.MaxValue;
    }

    private T Named<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidDataException)
        {
            throw Damaged("a damaged gzip file");
        }
        catch (DecoderFallbackException)
        {
            throw Damaged("text in UTF-16 that is damaged");
        }
        catch (IOException exception)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, path, path, exception.Message);
        }
    }

    private LoraException Damaged(string form) => LoraException.Of(LoraError.DatasetForm, path, path, form);
}
