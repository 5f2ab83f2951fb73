using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A norm for each head, each a module of its own: <c>norms.0</c>, <c>norms.1</c>, ... (StableLM).</summary>
internal sealed class HeadNorms : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor>[] norms;

    /// <param name="norms">One a head.</param>
    public HeadNorms(IEnumerable<nn.Module<Tensor, Tensor>> norms)
        : base(nameof(HeadNorms))
    {
        this.norms = [.. norms];
        register_module("norms", new TorchSharp.Modules.ModuleList<nn.Module<Tensor, Tensor>>(this.norms));
    }

    /// <summary>[batch, tokens, heads, headSize] -> the same.</summary>
    public override Tensor forward(Tensor input) => cat([.. norms.Select((norm, head) => norm.call(input.narrow(2, head, 1)))], 2);
}
