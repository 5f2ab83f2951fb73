using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>x = norm(x + attention x); x = norm(x + mlp x), or with the norms first: x += attention(norm x); x += mlp(norm x).</summary>
internal sealed class EncoderBlock : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly EncoderBlockShape shape;
    private readonly nn.Module<Tensor, Tensor>[] projections;
    private readonly nn.Module<Tensor, Tensor> output;
    private readonly nn.Module<Tensor, Tensor> attentionNorm;
    private readonly nn.Module<Tensor, Tensor> up;
    private readonly nn.Module<Tensor, Tensor> down;
    private readonly nn.Module<Tensor, Tensor> mlpNorm;
    private readonly Func<Tensor, Tensor> activation;

    public EncoderBlock(EncoderBlockShape shape, Weights weights)
        : base(nameof(EncoderBlock))
    {
        this.shape = shape;
        int hidden = shape.HiddenSize;
        projections = [.. shape.Projections.Select(name => Child(name, weights.Linear(name, hidden, hidden, shape.Bias)))];
        output = Child(shape.Output, weights.Linear(shape.Output, hidden, hidden, bias: true));
        attentionNorm = Child(shape.AttentionNorm.Name, weights.Norm(shape.AttentionNorm));
        up = Child(shape.Up, weights.Linear(shape.Up, hidden, shape.IntermediateSize, bias: true));
        down = Child(shape.Down, weights.Linear(shape.Down, shape.IntermediateSize, hidden, bias: true));
        mlpNorm = Child(shape.MlpNorm.Name, weights.Norm(shape.MlpNorm));
        activation = Activations.Of(shape.Activation);
    }

    /// <summary>The hidden states after the block, [batch, tokens, hidden].</summary>
    /// <param name="hidden">[batch, tokens, hidden].</param>
    /// <param name="mask">What is added to scores, [batch, 1, 1, tokens]; null where no token is padding.</param>
    public override Tensor forward(Tensor hidden, Tensor? mask)
    {
        if (shape.NormsFirst)
        {
            hidden = hidden.Plus(Attend(attentionNorm.call(hidden), mask)); // [batch, tokens, hidden]
            return hidden.Plus(down.call(activation(up.call(mlpNorm.call(hidden))))); // [batch, tokens, hidden]
        }

        hidden = attentionNorm.call(hidden.Plus(Attend(hidden, mask))); // [batch, tokens, hidden]
        return mlpNorm.call(hidden.Plus(down.call(activation(up.call(hidden))))); // [batch, tokens, hidden]
    }

    /// <summary>The children have the checkpoint's names.</summary>
    protected override void RegisterComponents()
    {
    }

    private Tensor Attend(Tensor input, Tensor? mask)
    {
        Tensor[] heads = [.. projections.Select(layer => layer.call(input).unflatten(2, shape.Heads, -1).transpose(1, 2))]; // each [batch, heads, tokens, headSize]
        Tensor mixed = nn.functional.scaled_dot_product_attention(heads[0], heads[1], heads[2], mask); // [batch, heads, tokens, headSize]
        return output.call(mixed.transpose(1, 2).flatten(2)); // [batch, tokens, hidden]
    }

    private nn.Module<Tensor, Tensor> Child(string name, nn.Module<Tensor, Tensor> module)
    {
        DottedModule.Register(this, name, module);
        return module;
    }
}
