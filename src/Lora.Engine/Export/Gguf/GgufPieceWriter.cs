namespace Lora.Export;

/// <summary>Writes pieces in their order while those behind them are read and converted on other threads.</summary>
/// <param name="threads">How many work at once; with one everything is done here.</param>
internal sealed class GgufPieceWriter(int threads) : IDisposable
{
    private readonly Queue<Task<GgufPiece>> working = new();
    private readonly Stack<GgufPiece> free = [];

    /// <summary>Adds a piece; it is written when the pieces before it are.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="fill">Puts values into the piece, before this returns.</param>
    /// <param name="work">Does the rest; called on another thread.</param>
    public void Add(Stream stream, Action<GgufPiece> fill, Action<GgufPiece> work)
    {
        while (working.Count >= threads)
        {
            WriteFirst(stream);
        }

        GgufPiece piece = free.TryPop(out GgufPiece? used) ? used : new();
        fill(piece);
        working.Enqueue(threads == 1 ? Done(piece, work) : Task.Run(() =>
        {
            work(piece);
            return piece;
        }));
    }

    /// <summary>Writes what is left.</summary>
    public void Finish(Stream stream)
    {
        while (working.Count > 0)
        {
            WriteFirst(stream);
        }
    }

    /// <summary>Waits for pieces that nobody writes any more: what they are read from is closed next.</summary>
    public void Dispose()
    {
        foreach (Task<GgufPiece> task in working)
        {
            task.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).Wait();
        }

        working.Clear();
    }

    private void WriteFirst(Stream stream)
    {
        GgufPiece piece = working.Dequeue().GetAwaiter().GetResult();
        stream.Write(piece.Written);
        free.Push(piece);
    }

    private static Task<GgufPiece> Done(GgufPiece piece, Action<GgufPiece> work)
    {
        work(piece);
        return Task.FromResult(piece);
    }
}
