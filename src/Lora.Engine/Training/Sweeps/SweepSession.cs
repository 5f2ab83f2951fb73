using Lora.Checkpoints;
using Lora.Native;

namespace Lora.Training;

/// <summary>
/// Trains the points of a sweep one after another on one loaded model, each from its own seed, or by successive halving. One thread at a time may use a
/// session.
/// </summary>
/// <remarks>
/// A point's adapter is that of the same training by itself. What is shared is what no point changes: the model, the rows in its tokens, and the hidden states
/// below the lowest block that any point adapts, which are computed once for all of them.
/// </remarks>
public sealed class SweepSession : IDisposable
{
    private readonly TrainingSession session = new();

    /// <summary>Sweeps.</summary>
    /// <param name="points">The points, in the order in which they are trained.</param>
    /// <param name="options">How they are gone over.</param>
    /// <param name="observer">Who is told, of each result as soon as it is there.</param>
    /// <param name="cancellation">Stops the training within a batch; with a folder the same sweep with <see cref="SweepOptions.Resume"/> goes on.</param>
    /// <returns>The results of all points that did not fail, in the order in which they ended.</returns>
    /// <exception cref="LoraException">What is wrong with the sweep as a whole, or with every one of its points, before anything is trained; OutputFailed.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public IReadOnlyList<LoraSweepResult> Run(
        IReadOnlyList<SweepPoint> points, SweepOptions options, ISweepObserver? observer = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentNullException.ThrowIfNull(options);
        LoraException.ThrowIfAny([.. options.Check(), .. Check(points), .. Destination(options)]);
        TorchLibrary.Load(); // without it every point would fail, one by one
        return new SweepRun(session, points, options, observer, cancellation).Execute();
    }

    /// <inheritdoc/>
    public void Dispose() => session.Dispose();

    private static IEnumerable<LoraProblem> Check(IReadOnlyList<SweepPoint> points)
    {
        if (points.Count == 0)
        {
            yield return new(LoraError.SweepPointNotGiven, null, "there is no point");
        }

        Dictionary<string, int> numbers = new(StringComparer.Ordinal);
        for (int index = 0; index < points.Count; index++)
        {
            if (!numbers.TryAdd(points[index].Name, index + 1))
            {
                yield return new(LoraError.SweepPointRepeated, points[index].Name, numbers[points[index].Name], index + 1, points[index].Name);
            }
        }
    }

    private static IEnumerable<LoraProblem> Destination(SweepOptions options)
    {
        if (options.OutputPath is not string folder)
        {
            yield break;
        }

        if (SweepRecord.IsThere(folder) && !options.Resume && !options.Overwrite)
        {
            yield return new(LoraError.SweepExists, folder, folder);
        }

        if (OutputFolder.WhyNot(folder) is string reason)
        {
            yield return new(LoraError.OutputFailed, folder, folder, reason);
        }
    }
}
