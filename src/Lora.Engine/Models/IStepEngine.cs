using Lora.Data;

namespace Lora.Models;

/// <summary>Computes the gradients of a batch.</summary>
internal interface IStepEngine : IDisposable
{
    /// <summary>Adds the gradients of scale · Σ loss to those of the trained values.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="rows">Its supervised places.</param>
    /// <param name="scale">One over the supervised tokens of the whole optimiser step.</param>
    /// <returns>scale · Σ loss, in nats.</returns>
    double AddGradients(Batch batch, SupervisedRows rows, double scale);
}
