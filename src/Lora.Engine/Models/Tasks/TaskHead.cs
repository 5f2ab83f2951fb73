using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Makes predictions of hidden states. Its modules are the model's own, under the names that a checkpoint has for them.</summary>
internal abstract class TaskHead
{
    private readonly List<(string Name, nn.Module Module)> modules = [];

    /// <summary>Bytes of weights that another module has too.</summary>
    public long SharedSize { get; protected set; }

    /// <summary>Predictions [..., labels] of hidden states [..., hidden].</summary>
    public abstract Tensor Predict(Tensor hidden);

    /// <summary>Makes its modules the model's.</summary>
    public void Register(nn.Module model) => modules.ForEach(entry => DottedModule.Register(model, entry.Name, entry.Module));

    /// <summary>Notes a module.</summary>
    protected T Own<T>(string name, T module)
        where T : nn.Module
    {
        modules.Add((name, module));
        return module;
    }
}

/// <summary>output(activation(dense x)), or output x.</summary>
internal sealed class ClassHead : TaskHead
{
    private readonly nn.Module<Tensor, Tensor>? dense;
    private readonly nn.Module<Tensor, Tensor> output;
    private readonly Func<Tensor, Tensor> activation;

    public ClassHead(ClassHeadShape shape, Weights root)
    {
        dense = shape.Dense is null ? null : Own(shape.Dense, root.Linear(shape.Dense, shape.HiddenSize, shape.HiddenSize, bias: true));
        output = Own(shape.Output, root.Linear(shape.Output, shape.HiddenSize, shape.Labels, shape.HasBias));
        activation = Activations.Of(shape.Activation);
    }

    /// <inheritdoc/>
    public override Tensor Predict(Tensor hidden) => output.call(dense is null ? hidden : activation(dense.call(hidden)));
}

/// <summary>decoder(norm(activation(dense x))).</summary>
internal sealed class TokenHead : TaskHead
{
    private readonly nn.Module<Tensor, Tensor> dense;
    private readonly nn.Module<Tensor, Tensor> norm;
    private readonly nn.Module<Tensor, Tensor> decoder;
    private readonly Func<Tensor, Tensor> activation;

    public TokenHead(TokenHeadShape shape, Weights root, Parameter table)
    {
        dense = Own(shape.Dense, root.Linear(shape.Dense, shape.HiddenSize, shape.HiddenSize, bias: true));
        norm = Own(shape.Norm.Name, root.Norm(shape.Norm));
        Linear tied = nn.Linear(shape.HiddenSize, shape.VocabularySize, hasBias: true, META);
        bool hasOwn = root.Source.Has(shape.Decoder + ".weight");
        tied.weight = hasOwn ? root.Frozen(shape.Decoder + ".weight", shape.VocabularySize, shape.HiddenSize)
            : new Parameter(table.detach(), requires_grad: false); // the same memory, a tensor of its own
        // Under the head's own name: to transformers the layer's bias is the same tensor, and files have it once.
        tied.bias = root.Frozen(shape.Bias, shape.VocabularySize);
        decoder = Own(shape.Decoder, tied);
        SharedSize = hasOwn ? 0 : table.NumberOfElements * table.element_size();
        activation = Activations.Of(shape.Activation);
    }

    /// <inheritdoc/>
    public override Tensor Predict(Tensor hidden) => decoder.call(norm.call(activation(dense.call(hidden))));
}
