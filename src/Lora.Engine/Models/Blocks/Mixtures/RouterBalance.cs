using Lora.Data;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// The loss that keeps a model from sending all tokens to few experts (arXiv 2101.03961, and load_balancing_loss_func of transformers' Mixtral):
/// experts · Σ_e f_e P_e, where f_e is how often expert e is chosen and P_e its mean part of the softmax over all, for each token, of all mixtures together.
/// It takes the routers of one forward pass.
/// </summary>
/// <param name="tokens">The places that count, of the flat [rows * length]: padding does not.</param>
internal sealed class RouterBalance(Tensor tokens)
{
    private readonly List<(Tensor Probabilities, Tensor Choices)> mixtures = [];

    /// <summary>That of a batch; null for a model whose configuration does not ask for it.</summary>
    /// <param name="factor">What the model multiplies the loss by; null for none.</param>
    /// <param name="batch">The rows.</param>
    /// <param name="device">Where the model is.</param>
    public static RouterBalance? Of(double? factor, Batch batch, Device device) => factor is null ? null : new(DeviceIndex.Of(
        [.. Enumerable.Range(0, batch.Rows).SelectMany(row => Enumerable.Range(0, batch.Lengths[row]).Select(position => ((long)row * batch.Length) + position))], device));

    /// <summary>Takes a router in.</summary>
    /// <param name="logits">[tokens, experts].</param>
    /// <param name="chosen">The experts of each token, [tokens, chosen].</param>
    public void Add(Tensor logits, Tensor chosen)
    {
        Tensor probabilities = logits.index_select(0, tokens).to(ScalarType.Float32).softmax(-1); // [tokens that count, experts]
        Tensor choices = chosen.index_select(0, tokens).flatten().bincount(null, minlength: logits.shape[1]); // [experts]
        mixtures.Add((probabilities.mean([0]), choices.to(ScalarType.Float32).Times(1.0 / tokens.shape[0])));
    }

    /// <summary>The loss, a scalar in float32; null when no router was called.</summary>
    public Tensor? Loss()
    {
        if (mixtures.Count == 0)
        {
            return null;
        }

        // Each mixture has the same tokens, so that the mean over all tokens of all mixtures is that of their means.
        Tensor probabilities = stack(mixtures.Select(mixture => mixture.Probabilities)).mean([0]); // [experts]
        Tensor choices = stack(mixtures.Select(mixture => mixture.Choices)).mean([0]); // [experts]
        return (probabilities * choices).sum().Times(probabilities.shape[0]);
    }
}
