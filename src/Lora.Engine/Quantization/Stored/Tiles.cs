using System.Numerics;
using System.Runtime.InteropServices;
using Lora.Kernels;
using static TorchSharp.torch;

namespace Lora.Quantization;

/// <summary>A rectangle of one of a tensor's matrices.</summary>
/// <param name="Matrix">Which matrix; 0 where there is one.</param>
/// <param name="Row">The first row, a multiple of 64.</param>
/// <param name="Rows">How many rows, 64 at most.</param>
/// <param name="Column">The first column, a multiple of 256.</param>
/// <param name="Columns">How many columns, 256 at most.</param>
internal readonly record struct Tile(long Matrix, long Row, int Rows, long Column, int Columns);

/// <summary>Writes the values of a tile, row after row, each <see cref="Tiles.Stride"/> behind the one before. It is called on many threads and must not throw.</summary>
internal unsafe delegate void TileReader(Tile tile, float* values);

/// <summary>
/// Makes a tensor of its tiles. A tile fits into a core's cache, so that a form which stores columns side by side is turned there and not in memory.
/// </summary>
internal static unsafe class Tiles
{
    /// <summary>Rows of a tile, as many as vectors hold whole.</summary>
    public const int MostRows = 64;

    /// <summary>Values from a row of a tile to the next: no power of two, for a column's values would then meet in a few lines of the cache.</summary>
    public const int Stride = MostColumns + 16;

    private const int MostColumns = 256;

    /// <summary>Fills a tensor, rounding each value once.</summary>
    /// <param name="reader">Gives the tiles in float32.</param>
    /// <param name="values">[rows, columns] or [matrices, rows, columns], contiguous, on the CPU, float32, bfloat16 or float16.</param>
    public static void Fill(TileReader reader, Tensor values)
    {
        switch (values.dtype)
        {
            case ScalarType.Float32:
                Fill<SingleElement>(reader, values, Narrow);
                break;
            case ScalarType.BFloat16:
                Fill<BrainElement>(reader, values, Narrow);
                break;
            case ScalarType.Float16:
                Fill<Half>(reader, values, NarrowToHalf);
                break;
            default:
                throw new ArgumentException($"Values in {values.dtype} are not made of a stored form.", nameof(values));
        }
    }

    /// <summary>Scales a column of codes and puts it into a tile: value = (code - zero) · scale.</summary>
    /// <param name="codes">[rows], and room for a vector behind them; written over.</param>
    /// <param name="zeros">[rows]; read beyond by less than a vector.</param>
    /// <param name="scales">[rows]; read beyond by less than a vector.</param>
    /// <param name="rows">How many.</param>
    /// <param name="column">The first value of the column in the tile.</param>
    public static void PutColumn(float* codes, float* zeros, float* scales, int rows, float* column)
    {
        for (int row = 0; row < rows; row += Vector<float>.Count)
        {
            ((Vector.Load(codes + row) - Vector.Load(zeros + row)) * Vector.Load(scales + row)).Store(codes + row);
        }

        for (int row = 0; row < rows; row++)
        {
            column[row * Stride] = codes[row];
        }
    }

    private delegate void Rounding<TElement>(float* source, int count, TElement* destination)
        where TElement : unmanaged;

    private static void Fill<TElement>(TileReader reader, Tensor values, Rounding<TElement> round)
        where TElement : unmanaged
    {
        long rows = values.shape[^2];
        long columns = values.shape[^1];
        long down = (rows + MostRows - 1) / MostRows;
        long across = (columns + MostColumns - 1) / MostColumns;
        TElement* destination = Rows<TElement>.Memory<TElement>(values);
        ParallelRows.For(values.numel() / (rows * columns) * down * across, MostRows * MostColumns, (begin, end) =>
        {
            float* tile = (float*)NativeMemory.Alloc(MostRows * Stride, sizeof(float));
            for (long number = begin; number < end; number++)
            {
                long row = number / across % down * MostRows;
                long column = number % across * MostColumns;
                Tile place = new(number / (across * down), row, (int)Math.Min(MostRows, rows - row), column, (int)Math.Min(MostColumns, columns - column));
                reader(place, tile);
                TElement* first = destination + (((place.Matrix * rows) + row) * columns) + column;
                for (int line = 0; line < place.Rows; line++)
                {
                    round(tile + (line * Stride), place.Columns, first + (line * columns));
                }
            }

            // Without a finally: a TileReader does not throw.
            NativeMemory.Free(tile);
        });
    }

    private static void Narrow<TElement>(float* source, int count, TElement* destination)
        where TElement : unmanaged, IElement<TElement>
    {
        for (int at = 0; at < count; at += Lanes256.Count)
        {
            Vectors<Lanes256, TElement>.Store(destination + at, count - at, Lanes256.LoadSingle(source + at)); // behind the row there is room
        }
    }

    private static void NarrowToHalf(float* source, int count, Half* destination)
    {
        for (int at = 0; at < count; at++)
        {
            destination[at] = (Half)source[at];
        }
    }
}
