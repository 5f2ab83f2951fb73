namespace Lora.Training;

/// <summary>
/// What is written and told of a step, put off until the next step is queued: a GPU computes that one meanwhile. A processor has nothing to do
/// meanwhile, and is told at once.
/// </summary>
/// <param name="isPutOff">Whether anything is put off.</param>
internal sealed class LateTelling(bool isPutOff)
{
    private Action? late;

    /// <summary>Takes what is to be written and told of a step.</summary>
    public void Add(Action telling)
    {
        Tell(); // in the order of the steps, whatever was queued between them
        late = telling;
        if (!isPutOff)
        {
            Tell();
        }
    }

    /// <summary>Writes and tells what was put off: after the next step is queued, and at the end.</summary>
    public void Tell()
    {
        Action? now = late;
        late = null;
        now?.Invoke();
    }
}
