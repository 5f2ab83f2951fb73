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

    /// <summary>Updates the values.</summary>
    /// <exception cref="LoraException">NothingLearned: no update so far has moved anything.</exception>
    public void Update(double rate)
    {
        if (Unmoved is null || rate == 0)
        {
            optimizer.Step(rate);
        }
        else
        {
            // A copy is taken until the first update that moves anything, which is most often the first of all.
            using Tensor before = adapter.Arena.Values.clone();
            optimizer.Step(rate);
            Unmoved = before.eq(adapter.Arena.Values).all().ToBoolean() ? Unmoved + 1 : null;
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
        List<string> unreached = [];
        int count = 0;
        long offset = 0;
        foreach (TrainableParameter parameter in adapter.Arena.Parameters)
        {
            if (PeftKey.IsUp(parameter.Key))
            {
                count++;

                // The mean of gradients is zero where all of them were.
                if (optimizer.Mean.narrow(0, offset, parameter.Count).count_nonzero().ToInt64() == 0)
                {
                    unreached.Add(PeftKey.Module(parameter.Key));
                }
            }

            offset += parameter.Count;
        }

        if (unreached.Count > 0)
        {
            warn($"In {Updates} updates no gradient has reached B of {unreached.Count} of {count} modules, which learn nothing as long as that is so: {string.Join(", ", unreached.Take(MostNamed))}{(unreached.Count > MostNamed ? ", ..." : "")}. What they compute does not enter the loss of the rows so far.");
        }
    }
}
