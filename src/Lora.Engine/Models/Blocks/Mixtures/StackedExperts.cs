using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Experts whose matrices lie in parameters of one module, one stack for gates and ups and one for the way back (gpt-oss; transformers 5).</summary>
/// <remarks>Parameters are read at each pass: an adapter puts others in their place.</remarks>
internal sealed class StackedExperts : nn.Module<Tensor, Tensor, Tensor>, ILoraExperts
{
    private readonly StackedExpertsShape shape;
    private readonly Stack gateUp;
    private readonly Stack down;

    public StackedExperts(StackedExpertsShape shape, Weights weights)
        : base(nameof(StackedExperts))
    {
        this.shape = shape;

        // In the order in which the reference's class defines them, on which PEFT's names hang.
        gateUp = Take("gate_up_proj", shape.HiddenSize, 2 * shape.IntermediateSize);
        down = Take("down_proj", shape.IntermediateSize, shape.HiddenSize);

        Stack Take(string name, int inputs, int outputs)
        {
            Stack taken = new(
                shape.HasInputsFirst ? weights.Frozen(name, shape.Count, inputs, outputs) : weights.Frozen(name, shape.Count, outputs, inputs),
                shape.Bias ? weights.Frozen(name + "_bias", shape.Count, outputs) : null);
            register_parameter(name, taken.Matrices);
            if (taken.Biases is not null)
            {
                register_parameter(name + "_bias", taken.Biases);
            }

            return taken;
        }
    }

    /// <inheritdoc/>
    public bool HasInputsFirst => shape.HasInputsFirst;

    /// <inheritdoc/>
    public override Tensor forward(Tensor tokens, Tensor counts)
    {
        // Stacks are taken apart once, as the tokens are: gradients of single cuts would each be as large as the whole.
        Func<int, Tensor, Tensor> up = gateUp.Products(HasInputsFirst), back = down.Products(HasInputsFirst);
        Tensor[] parts = tokens.split(counts.data<long>().ToArray(), 0); // each [tokens of the expert, hidden]
        return cat([.. from expert in Enumerable.Range(0, parts.Length)
            where parts[expert].shape[0] > 0
            select back(expert, Activate(up(expert, parts[expert])))], 0);
    }

    /// <summary>The parameters are registered under the checkpoint's names.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <summary>[tokens, 2 · intermediate] -> [tokens, intermediate].</summary>
    private Tensor Activate(Tensor joined)
    {
        if (shape.Clamp is ClampedGate clamp)
        {
            return clamp.Of(joined);
        }

        Tensor[] halves = joined.chunk(2, -1); // gate and up, each [tokens, intermediate]
        return nn.functional.silu(halves[0]) * halves[1];
    }

    /// <summary>The matrices of all experts, [experts, in, out] or [experts, out, in], and their biases, [experts, out].</summary>
    private sealed record Stack(Parameter Matrices, Parameter? Biases)
    {
        /// <summary>W x + b by the number of an expert.</summary>
        public Func<int, Tensor, Tensor> Products(bool hasInputsFirst)
        {
            Tensor[] matrices = Matrices.unbind(0);
            Tensor[]? biases = Biases?.unbind(0);
            return (expert, x) =>
            {
                Tensor product = x.matmul(hasInputsFirst ? matrices[expert] : matrices[expert].t()); // [tokens, out]
                return biases is null ? product : product.Plus(biases[expert]);
            };
        }
    }
}
