using Lora.Checkpoints;

namespace Lora.Adapters;

/// <summary>Takes a pair of a joined module apart: the parts' changes are the joined one's rows.</summary>
internal static class FusedFactors
{
    /// <summary>
    /// The parts' pairs. Where B has a block of its own for each part and zeros elsewhere, as the joining of separate pairs leaves it, each part gets its
    /// block and its rows of A; else all parts get A, and their rows of B.
    /// </summary>
    /// <param name="down">A, [rank, in].</param>
    /// <param name="up">B, [out, rank].</param>
    /// <param name="rows">The rows of each part.</param>
    public static IEnumerable<(TensorData Down, TensorData Up)> Split(TensorData down, TensorData up, long[] rows)
    {
        long rank = down.Shape[0];
        long[] starts = [.. rows.Select((_, part) => rows.Take(part).Sum())];
        bool isBlocks = rank % rows.Length == 0 && Enumerable.Range(0, rows.Length).All(part => IsBlock(up, starts[part], rows[part], part, rows.Length));
        for (int part = 0; part < rows.Length; part++)
        {
            TensorData own = Rows(up, starts[part], rows[part]);
            long share = rank / rows.Length;
            yield return isBlocks ? (Rows(down, part * share, share), Columns(own, part * share, share)) : (down, own);
        }
    }

    /// <summary>The first and the second half of the rows change places.</summary>
    public static TensorData Swapped(TensorData up)
    {
        int half = up.Bytes.Length / 2; // rows lie one after another
        byte[] bytes = [.. up.Bytes.Span[half..], .. up.Bytes.Span[..half]];
        return up with { Bytes = bytes };
    }

    private static bool IsBlock(TensorData up, long start, long count, int part, int parts)
    {
        int width = up.Bytes.Length / (int)up.Shape[0];
        int share = width / parts;
        for (long row = start; row < start + count; row++)
        {
            ReadOnlySpan<byte> values = up.Bytes.Span.Slice((int)row * width, width);
            if (values[..(part * share)].ContainsAnyExcept((byte)0) || values[((part + 1) * share)..].ContainsAnyExcept((byte)0))
            {
                return false;
            }
        }

        return true;
    }

    private static TensorData Rows(TensorData matrix, long start, long count)
    {
        long width = matrix.Bytes.Length / matrix.Shape[0];
        return matrix with { Shape = [count, .. matrix.Shape[1..]], Bytes = matrix.Bytes.Slice((int)(start * width), (int)(count * width)) };
    }

    private static TensorData Columns(TensorData matrix, long start, long count)
    {
        long width = matrix.Bytes.Length / (matrix.Shape[0] * matrix.Shape[1]);
        byte[] bytes = new byte[matrix.Shape[0] * count * width];
        for (long row = 0; row < matrix.Shape[0]; row++)
        {
            matrix.Bytes.Span.Slice((int)(((row * matrix.Shape[1]) + start) * width), (int)(count * width)).CopyTo(bytes.AsSpan((int)(row * count * width)));
        }

        return matrix with { Shape = [matrix.Shape[0], count, .. matrix.Shape[2..]], Bytes = bytes };
    }
}
