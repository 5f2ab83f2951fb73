namespace Lora.Data;

/// <summary>Keeps encoded rows in memory from one epoch to the next, as many as there is room for. Several threads may use it.</summary>
/// <param name="rows">Rows of the dataset.</param>
/// <param name="room">Bytes that are kept at the most.</param>
internal sealed class ExampleCache(int rows, long room)
{
    // Two arrays, the example and its place here, with their headers.
    private const int Overhead = 128;

    // None is ever given up for another: rows come in another order each epoch, and whichever is kept serves as well.
    private readonly TrainingExample?[] kept = new TrainingExample?[rows];
    private long taken;

    /// <summary>A row's example; null where it is not kept.</summary>
    public TrainingExample? Find(int row) => Volatile.Read(ref kept[row]);

    /// <summary>Keeps an example, if there is room.</summary>
    public void Add(int row, TrainingExample example)
    {
        long bytes = Size(example) + (example.Choices?.Each.Sum(Size) ?? 0);
        // Taken before it is kept: threads that ask at one time do not go beyond the room together.
        if (Interlocked.Add(ref taken, bytes) <= room)
        {
            Volatile.Write(ref kept[row], example);
        }
        else
        {
            Interlocked.Add(ref taken, -bytes);
        }
    }

    private static long Size(TrainingExample example) => Overhead + (2L * sizeof(int) * example.Ids.Length);
}
