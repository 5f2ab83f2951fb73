using Lora.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>Looks at the first updates of a run: whether they move anything, and which modules nothing reaches.</summary>
/// <param name="adapter">What is trained.</param>
/// <param name="optimizer">Changes it.</param>
/// <param name="warn">Told of modules that nothing reaches.</param>
internal sealed class ProgressCheck(AttachedAdapter adapter, AdamW optimizer, Action<string> warn)
{
    // At the first step B is zero and only B has a gradient; by the third there is one wherever there will be any.
    private const int Updates = 3;
    private const int MostNamed = 5;

    /// <summary>Updates with a rate above zero that moved no value; null once one has moved any.</summary>
    public int? Unmoved { get; set; } = 0;

    /// <summary>Queues an update of the values.</summary>
    /// <param name="rate">lr.</param>
    /// <param name="skip">[], float32: 1 where it is to change nothing.</param>
    /// <returns>Whether the update moved nothing, [], bool, in the caller's scope; null where nobody asks any longer.</returns>
    public Tensor? Queue(double rate, Tensor skip)
    {
        if (Unmoved is null || rate == 0)
        {
            optimizer.Step(rate, skip);
            return null;
        }

        // A copy is taken until the first update that moves anything, which is most often the first of all.
        using IDisposable noGradient = no_grad();
        using Tensor before = adapter.Arena.Values.clone(); // [count]
        optimizer.Step(rate, skip);
        using Tensor same = before.eq(adapter.Arena.Values); // [count], bool
        return same.all();
    }

    /// <summary>Notes what has come of the update that was queued last.</summary>
    /// <param name="isSkipped">Whether it was left out.</param>
    /// <param name="isUnmoved">Whether it moved nothing; null where nobody asked.</param>
    /// <exception cref="LoraException">NothingLearned: no update so far has moved anything.</exception>
    public void Note(bool isSkipped, bool? isUnmoved)
    {
        if (isSkipped)
        {
            optimizer.Undo();
            return;
        }

        if (isUnmoved is bool stood)
        {
            Unmoved = stood ? Unmoved + 1 : null;
            if (Unmoved >= Updates)
            {
                throw LoraException.Of(LoraError.NothingLearned, null, Updates);
            }
        }

        if (optimizer.Steps == Updates)
        {
            WarnOfUnreached();
        }
    }

    private void WarnOfUnreached()
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        TrainableParameter[] ups = [.. adapter.Arena.Parameters.Where(parameter => PeftKey.IsUp(parameter.Key))];
        if (ups.Length == 0)
        {
            return;
        }

        // The mean of gradients is zero where all of them were. Read at once, after a step that was waited for.
        Tensor reached = stack([.. ups.Select(parameter => optimizer.Mean.narrow(0, parameter.Offset, parameter.Count).count_nonzero())]).cpu(); // [modules]
        string[] unreached = [.. ups.Zip(reached.data<long>(), (up, values) => (up, values)).Where(entry => entry.values == 0).Select(entry => PeftKey.Module(entry.up.Key))];
        if (unreached.Length > 0)
        {
            warn($"In {Updates} updates no gradient has reached B of {unreached.Length} of {ups.Length} modules, which learn nothing as long as that is so: {string.Join(", ", unreached.Take(MostNamed))}{(unreached.Length > MostNamed ? ", ..." : "")}. What they compute does not enter the loss of the rows so far.");
        }
    }
}
