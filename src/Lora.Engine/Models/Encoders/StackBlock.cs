using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>x += attention(norm x); in a decoder x += cross attention(norm x); x += mlp(norm x). Its parts are numbered layers, each with its norm.</summary>
internal sealed class StackBlock : nn.Module<Tensor, StackContext, Tensor>
{
    private readonly StackShape shape;
    private readonly List<(nn.Module<Tensor, Tensor> Norm, StackAttention Attention)> attentions = [];
    private readonly nn.Module<Tensor, Tensor> mlpNorm;
    private readonly nn.Module<Tensor, Tensor>[] up;
    private readonly nn.Module<Tensor, Tensor> down;
    private readonly Func<Tensor, Tensor> activation;

    public StackBlock(StackShape shape, bool isFirst, Weights weights)
        : base(nameof(StackBlock))
    {
        this.shape = shape;
        string[] kinds = shape.IsDecoder ? ["SelfAttention", "EncDecAttention"] : ["SelfAttention"];
        foreach ((string kind, int layer) in kinds.Select((kind, layer) => (kind, layer)))
        {
            StackAttention attention = new(shape, weights.At($"layer.{layer}.{kind}"), hasBiases: isFirst && layer == 0, isCross: layer > 0);
            DottedModule.Register(this, $"layer.{layer}.{kind}", attention);
            attentions.Add((Norm(weights, layer), attention));
        }

        Weights mlp = weights.At($"layer.{kinds.Length}.DenseReluDense");
        string[] names = shape.IsGated ? ["wi_0", "wi_1"] : ["wi"];
        up = [.. names.Select(name => Child(kinds.Length, name, mlp.Linear(name, shape.HiddenSize, shape.IntermediateSize)))];
        down = Child(kinds.Length, "wo", mlp.Linear("wo", shape.IntermediateSize, shape.HiddenSize));
        mlpNorm = Norm(weights, kinds.Length);
        activation = Activations.Of(shape.Activation);
    }

    /// <summary>Hidden states after the block, [batch, tokens, hidden].</summary>
    public override Tensor forward(Tensor hidden, StackContext context)
    {
        foreach ((nn.Module<Tensor, Tensor> norm, StackAttention attention) in attentions)
        {
            hidden = hidden.Plus(attention.call(norm.call(hidden), context)); // [batch, tokens, hidden]
        }

        Tensor input = mlpNorm.call(hidden); // [batch, tokens, hidden]
        Tensor inner = activation(up[0].call(input)); // [batch, tokens, intermediate]
        return hidden.Plus(down.call(shape.IsGated ? inner * up[1].call(input) : inner)); // [batch, tokens, hidden]
    }

    /// <summary>The children have the checkpoint's names.</summary>
    protected override void RegisterComponents()
    {
    }

    private nn.Module<Tensor, Tensor> Norm(Weights weights, int layer)
    {
        nn.Module<Tensor, Tensor> norm = weights.At($"layer.{layer}").Norm(shape.Norm("layer_norm"));
        DottedModule.Register(this, $"layer.{layer}.layer_norm", norm);
        return norm;
    }

    private nn.Module<Tensor, Tensor> Child(int layer, string name, nn.Module<Tensor, Tensor> module)
    {
        DottedModule.Register(this, $"layer.{layer}.DenseReluDense.{name}", module);
        return module;
    }
}

/// <summary>The blocks of an encoder or a decoder, and the last norm.</summary>
internal sealed class Stack : nn.Module<Tensor, StackContext, Tensor>
{
    private readonly ModuleList<StackBlock> block;
    private readonly nn.Module<Tensor, Tensor> final_layer_norm;

    public Stack(StackShape shape, Weights weights)
        : base(nameof(Stack))
    {
        block = new([.. Enumerable.Range(0, shape.Layers).Select(layer => new StackBlock(shape, isFirst: layer == 0, weights.At($"{nameof(block)}.{layer}")))]);
        final_layer_norm = weights.Norm(shape.Norm(nameof(final_layer_norm)));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor hidden, StackContext context)
    {
        foreach (StackBlock each in block)
        {
            hidden = each.call(hidden, context);
        }

        return final_layer_norm.call(hidden);
    }
}
