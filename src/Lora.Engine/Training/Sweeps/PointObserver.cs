using System.Diagnostics;

namespace Lora.Training;

/// <summary>Passes on what the training of a point says, with the point's name; a warning that other points gave too is given once.</summary>
/// <param name="observer">Who is told; null: warnings go to <see cref="Trace"/>.</param>
/// <param name="name">The point's name.</param>
/// <param name="warnings">Those that were given.</param>
internal sealed class PointObserver(ISweepObserver? observer, string name, HashSet<string> warnings) : ITrainingObserver
{
    private readonly List<LoraException> failures = [];

    /// <summary>What failed and did not end the training.</summary>
    public IReadOnlyList<LoraException> Failures => failures;

    /// <inheritdoc/>
    public void OnStage(string text) => observer?.OnStage($"{name}: {text}");

    /// <inheritdoc/>
    public void OnWarning(string text)
    {
        if (!warnings.Add(text))
        {
            return;
        }

        if (observer is null)
        {
            Trace.TraceWarning(text);
        }

        observer?.OnWarning(text);
    }

    /// <inheritdoc/>
    public void OnFailure(LoraException failure) => failures.Add(failure);

    /// <inheritdoc/>
    public void OnStep(LoraTrainingStep done) => observer?.OnStep(done);

    /// <inheritdoc/>
    public void OnWritten(string folder, int ofStep) => observer?.OnWritten(folder, ofStep);

    /// <inheritdoc/>
    public void Report(WorkProgress value) => observer?.Report(value);
}
