using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>y = Σ w_e expert_e(x) over the experts that the router chooses for a token, and the expert that is shared by all, where there is one.</summary>
/// <remarks>Tokens are laid expert after expert, so that each expert multiplies all of its tokens at once and experts without any are not asked.</remarks>
internal sealed class Mixture : BlockModule
{
    private readonly RouterShape router;
    private readonly nn.Module<Tensor, Tensor> gate;
    private readonly nn.Module<Tensor, Tensor, Tensor> experts;
    private readonly GatedMlp? shared;
    private readonly nn.Module<Tensor, Tensor>? sharedGate;

    public Mixture(MixtureShape shape, Weights weights)
        : base(nameof(Mixture))
    {
        router = shape.Router;
        gate = Child(router.Name, weights.Linear(router.Name, router.HiddenSize, router.Experts, router.Bias));
        experts = Child(ExpertsShape.Name, shape.Experts.Build(weights));
        if (shape.Shared is SharedExpertShape found)
        {
            shared = Child(found.Expert.Name, new GatedMlp(found.Expert, weights.At(found.Expert.Name)));
            sharedGate = Child(found.Gate, weights.Linear(found.Gate, router.HiddenSize, outputs: 1));
        }
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, BlockContext context)
    {
        Tensor tokens = input.flatten(0, 1); // [tokens, hidden]
        Tensor logits = gate.call(tokens); // [tokens, experts]
        (Tensor chosen, Tensor weights) = Choose(logits); // each [tokens, chosen]
        context.Balance?.Add(logits, chosen);
        Tensor mixed = Mix(tokens, chosen, weights.to(input.dtype)).view(input.shape); // [batch, tokens, hidden]
        return shared is null ? mixed : mixed.Plus(shared.Of(input) * sharedGate!.call(input).sigmoid());
    }

    /// <summary>The experts of each token and what their outputs are multiplied by, float32.</summary>
    private (Tensor Chosen, Tensor Weights) Choose(Tensor logits)
    {
        Tensor exact = logits.to(ScalarType.Float32); // [tokens, experts]

        // To divide the chosen parts of a softmax by their sum is to take the softmax of the chosen alone.
        (Tensor highest, Tensor chosen) = (router.Normalizes ? exact : exact.softmax(-1)).topk(router.Chosen);
        return (chosen, router.Normalizes ? highest.softmax(-1) : highest);
    }

    private Tensor Mix(Tensor tokens, Tensor chosen, Tensor weights)
    {
        Tensor places = chosen.flatten(); // [places], places = tokens · chosen
        Tensor counts = places.bincount(null, minlength: router.Experts).to(CPU); // [experts]
        Tensor order = places.sort(stable: true).Indices; // expert after expert, [places]
        Tensor owners = Arithmetic.Range(0, tokens.shape[0], ScalarType.Int64, tokens.device).repeat_interleave(router.Chosen); // [places]
        Tensor outputs = experts.call(tokens.index_select(0, owners.index_select(0, order)), counts); // [places, hidden]
        Tensor back = outputs.index_select(0, order.argsort()).view(tokens.shape[0], router.Chosen, -1); // [tokens, chosen, hidden]
        return weights.unsqueeze(1).matmul(back); // [tokens, 1, hidden]
    }
}
