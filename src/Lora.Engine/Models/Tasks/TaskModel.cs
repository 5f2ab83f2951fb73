using Lora.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A model with the head of its task: hidden states of a batch, and predictions of those places that are learned. Weights are frozen.</summary>
internal abstract class TaskModel(string name, Device device) : nn.Module<Tensor, Tensor>(name)
{
    /// <summary>Where the weights are.</summary>
    public Device Device { get; } = device;

    /// <summary>Where quantised matrices have their values.</summary>
    public WeightBuffer Buffer { get; } = new();

    /// <summary><c>model_type</c>.</summary>
    public abstract string ModelType { get; }

    /// <summary>Rows of the table of tokens.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>What it learns.</summary>
    public abstract TaskKind Task { get; }

    /// <summary>What the loss of routers (<see cref="RouterBalance"/>) is multiplied by in training; null where the model has none.</summary>
    public virtual double? RouterLoss => null;

    /// <summary>Bytes of the weights as they are held; a table that serves as the head too counts once.</summary>
    public long WeightSize => parameters().Where(parameter => parameter.device_type != DeviceType.META).Sum(parameter => parameter.NumberOfElements * parameter.element_size())
        + modules().OfType<QuantizedLinear>().Sum(layer => layer.Matrix.Size) - SharedSize;

    /// <summary>Bytes that two modules have together.</summary>
    protected virtual long SharedSize => 0;

    /// <summary>The hidden states that predictions are made of, [rows, places, hidden]: a place for each token, or for each label where a decoder says them.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="balance">Takes the choices of routers in; null for nobody.</param>
    public abstract Tensor Hidden(Batch batch, RouterBalance? balance = null);

    /// <summary>Predictions [..., labels] of hidden states [..., hidden].</summary>
    public abstract Tensor Head(Tensor hidden);

    /// <summary>The children have the names that a checkpoint has for them; TorchSharp would register each field under its own beside.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Buffer.Dispose();
        }

        base.Dispose(disposing);
    }
}
