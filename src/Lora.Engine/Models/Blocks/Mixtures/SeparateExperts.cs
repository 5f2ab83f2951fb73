using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Experts that are modules of their own, so that each of their layers can be adapted by itself.</summary>
internal sealed class SeparateExperts : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly GatedMlp[] experts;

    public SeparateExperts(SeparateExpertsShape shape, Weights weights)
        : base(nameof(SeparateExperts))
    {
        experts = [.. shape.All.Select(expert => new GatedMlp(expert, weights.At(expert.Name)))];
        for (int number = 0; number < experts.Length; number++)
        {
            register_module($"{number}", experts[number]);
        }
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor tokens, Tensor counts)
    {
        // One cut of all, and not one for each expert: the gradients of cuts would each be as large as what is cut.
        Tensor[] parts = tokens.split(counts.data<long>().ToArray(), 0); // each [tokens of the expert, hidden]
        return cat([.. experts.Zip(parts).Where(entry => entry.Second.shape[0] > 0).Select(entry => entry.First.Of(entry.Second))], 0);
    }

    /// <summary>The experts are registered under their numbers.</summary>
    protected override void RegisterComponents()
    {
    }
}
