using Lora.Data;

namespace Lora.Models;

/// <summary>Computes the loss of a batch and its gradients.</summary>
internal interface IStepEngine : IDisposable
{
    /// <summary>Adds the gradients of scale · Σ loss to those of the trained values.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="rows">Its supervised places.</param>
    /// <param name="scale">One over the supervised tokens of the whole optimiser step.</param>
    /// <returns>scale · Σ loss, in nats.</returns>
    double AddGradients(Batch batch, SupervisedRows rows, double scale);

    /// <summary>The summed loss of the supervised places, in nats, without gradients.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="rows">Its supervised places.</param>
    double SumLoss(Batch batch, SupervisedRows rows);
}
