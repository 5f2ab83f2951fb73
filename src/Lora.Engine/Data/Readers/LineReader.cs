namespace Lora.Data;

/// <summary>The lines of a stream, one at a time, in a buffer that is as long as the line that is read.</summary>
internal sealed class LineReader(Stream stream)
{
    /// <summary>Bytes that a line may have.</summary>
    public const int LongestLine = 1 << 29;

    private const int SmallBuffer = 1 << 16;
    private const int Beginning = 512;

    private byte[] buffer = new byte[SmallBuffer];
    private int start;
    private int end;
    private long before;

    /// <summary>Where the line that was read last lies in the stream.</summary>
    public RowPlace Line { get; private set; }

    /// <summary>Whether the stream has been read to its end.</summary>
    public bool IsAtEnd { get; private set; }

    /// <summary>What has been read and not been given, valid until more is read.</summary>
    public ReadOnlyMemory<byte> Ahead => buffer.AsMemory(start..end);

    /// <summary>Reads until the beginning of the stream is ahead, by which its form is told.</summary>
    public void ReadAhead()
    {
        while (end < Beginning && ReadOn())
        {
        }
    }

    /// <summary>Reads until a whole line is ahead, and something after it where there is anything.</summary>
    public void ReadLineAhead()
    {
        while (Ahead.Span.IndexOf((byte)'\n') is int end && (end < 0 || Ahead.Span[end..].Trim(" \t\r\n"u8).Length == 0) && Ahead.Length <= LongestLine && ReadOn())
        {
        }
    }

    /// <summary>Leaves out bytes that are ahead.</summary>
    public void Skip(int count) => start += count;

    /// <summary>Reads the next line, which is valid until the one after it is asked for; false at the end, or where it is longer than <see cref="LongestLine"/>.</summary>
    public bool TryRead(out ReadOnlyMemory<byte> line)
    {
        int searched = start;
        while (true)
        {
            int offset = buffer.AsSpan(searched..end).IndexOf((byte)'\n');
            if (offset >= 0 || IsAtEnd)
            {
                int lineEnd = offset >= 0 ? searched + offset : end;
                line = buffer.AsMemory(start..lineEnd);
                Line = new(before + start, line.Length);
                start = offset >= 0 ? lineEnd + 1 : end;
                return offset >= 0 || line.Length > 0;
            }

            int seen = end - start;
            if (seen > LongestLine)
            {
                line = default;
                return false;
            }

            ReadOn();
            // What was searched is not searched again, or a long line would take the square of its length.
            searched = start + seen;
        }
    }

    /// <summary>Reads on behind what is ahead, in a buffer with room; false at the end.</summary>
    public bool ReadOn()
    {
        int ahead = end - start;
        // Twice what is ahead, so that a long line is not copied with every read; behind it the buffer is small again.
        int room = Math.Max(SmallBuffer, ahead * 2);
        byte[] target = buffer.Length == room ? buffer : new byte[room];
        buffer.AsSpan(start..end).CopyTo(target);
        buffer = target;
        before += start;
        start = 0;
        int read = stream.Read(buffer, ahead, buffer.Length - ahead);
        end = ahead + read;
        IsAtEnd = read == 0;
        return read > 0;
    }
}
