using System.Buffers;
using System.Security.Cryptography;
using Lora.Checkpoints;

namespace Lora;

/// <summary>
/// Rows that a program gives in place of a file's, each a JSON object. They lie in a temporary file, which is gone when they are disposed or the
/// process ends; all rows are added before any is read.
/// </summary>
/// <param name="name">What messages call them in place of a path.</param>
public sealed class GivenRows(string name) : IDisposable
{
    private const int InMemory = 1 << 20;

    private readonly ArrayBufferWriter<byte> last = new();
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private ScratchFile? file;
    private long written;

    /// <summary>What messages call them.</summary>
    public string Name { get; } = name;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>What the rows that were added so far are told by, whatever they are called.</summary>
    internal string Hash => Convert.ToHexString(hash.GetCurrentHash());

    /// <summary>Adds a row.</summary>
    /// <param name="json">A JSON object in UTF-8, on one line.</param>
    /// <exception cref="ArgumentException">It has several lines.</exception>
    /// <exception cref="LoraException"><see cref="LoraError.TemporaryFileFailed"/>.</exception>
    public void Add(ReadOnlySpan<byte> json)
    {
        if (json.Contains((byte)'\n'))
        {
            throw new ArgumentException("A row is one line.", nameof(json));
        }

        last.Write(json);
        last.Write("\n"u8);
        hash.AppendData(json);
        hash.AppendData("\n"u8);
        Count++;
        if (last.WrittenCount > InMemory)
        {
            Write();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        file?.Dispose();
        hash.Dispose();
    }

    /// <summary>The rows as JSON Lines.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.TemporaryFileFailed"/>.</exception>
    internal Stream Open()
    {
        Write();
        return new Reading(file!, written);
    }

    private void Write()
    {
        string folder = Path.GetTempPath();
        try
        {
            file ??= new(folder, "lora-given-");
            file.Append(last.WrittenSpan);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.TemporaryFileFailed, folder, folder, exception.Message);
        }

        written += last.WrittenCount;
        last.ResetWrittenCount();
    }

    private sealed class Reading(ScratchFile file, long length) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position { get; set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = (int)Math.Min(count, length - Position);
            file.Read(Position, buffer.AsSpan(offset, read));
            Position += read;
            return read;
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
