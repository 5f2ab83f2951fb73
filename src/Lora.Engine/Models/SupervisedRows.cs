using Lora.Data;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// The places of a batch whose next token is learned: the label at position t+1 is the target of the hidden state at position t.
/// Everything else never meets the head.
/// </summary>
/// <param name="Positions">Indices into the batch's hidden states flattened to [rows * length, hidden].</param>
/// <param name="Targets">The token id to predict at each position.</param>
internal sealed record SupervisedRows(long[] Positions, long[] Targets)
{
    /// <summary>Number of supervised tokens.</summary>
    public int Count => Targets.Length;

    /// <summary>Finds the places.</summary>
    public static SupervisedRows Of(Batch batch)
    {
        List<long> positions = [];
        List<long> targets = [];
        for (int index = 0; index < batch.Labels.Length; index++)
        {
            // Nothing predicts a row's first token; the place before it in the flat batch belongs to another row.
            bool isFirst = index % batch.Length == 0;
            if (!isFirst && batch.Labels[index] != TrainingExample.Unsupervised)
            {
                positions.Add(index - 1);
                targets.Add(batch.Labels[index]);
            }
        }

        return new([.. positions], [.. targets]);
    }

    /// <summary>The summed cross-entropy of the places, in nats, float32; the graph leads back to the adapter.</summary>
    /// <param name="model">The model.</param>
    /// <param name="batch">The rows.</param>
    /// <param name="balance">Takes the choices of routers in; null for nobody.</param>
    public Tensor SumLoss(CausalLanguageModel model, Batch batch, RouterBalance? balance = null)
    {
        Tensor logits = model.Head(Hidden(model, batch, balance)).to(ScalarType.Float32); // [count, vocabulary]
        return nn.functional.cross_entropy(logits, DeviceIndex.Of(Targets, model.Device), reduction: nn.Reduction.Sum);
    }

    /// <summary>The hidden states of the places, [count, hidden].</summary>
    public Tensor Hidden(CausalLanguageModel model, Batch batch, RouterBalance? balance = null)
    {
        Tensor ids = DeviceIndex.Of(batch.InputIds, [batch.Rows, batch.Length], model.Device);
        Tensor hidden = model.Hidden(ids, balance).flatten(0, 1); // [rows * length, hidden]
        return hidden.index_select(0, DeviceIndex.Of(Positions, model.Device));
    }
}
