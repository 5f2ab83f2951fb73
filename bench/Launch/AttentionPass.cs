using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Attention of one block over documents, forward and backward, and nothing else.</summary>
internal sealed class AttentionPass : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly TensorStack states = new(CPU);
    private readonly TensorStack scratch = new(CPU);
    private readonly IAttention attention;
    private readonly AttentionHeads heads;
    private readonly DocumentPlaces documents;
    private readonly Tensor joined; // [tokens, heads + 2 kvHeads, headSize]
    private readonly Tensor gradients; // like it
    private readonly Tensor dMixed; // [tokens, heads, headSize]

    /// <param name="kernels">Whose attention it is.</param>
    /// <param name="heads">The heads.</param>
    /// <param name="type">Of the activations.</param>
    /// <param name="lengths">Tokens of each document.</param>
    public AttentionPass(IKernels kernels, AttentionHeads heads, ScalarType type, int[] lengths)
    {
        this.heads = heads;
        int[] ends = [0, .. lengths.Select((_, index) => lengths[..(index + 1)].Sum())];
        Flops = OperatorCost.OfPair * lengths.Sum(length => length * (length + 1.0) / 2) * heads.Queries;
        documents = new([.. lengths.Zip(ends, (length, start) => (start, length))], tensor(ends, device: CPU), [heads.Window]);
        joined = randn([ends[^1], heads.Heads + (2 * heads.KeyValueHeads), heads.HeadSize], dtype: type, device: CPU);
        gradients = zeros_like(joined);
        dMixed = randn([ends[^1], heads.Heads, heads.HeadSize], dtype: type, device: CPU);
        attention = kernels.Attention(heads, type, scratch);
        AttentionBytes bytes = attention.Bytes(lengths, slices: 1);
        states.Reserve(bytes.Kept + bytes.Probabilities + (dMixed.numel() * type.ElementSize()));
        scratch.Reserve(Math.Max(bytes.Keeping.Forward, bytes.Keeping.Backward));
    }

    /// <summary>Those of a run.</summary>
    public double Flops { get; }

    /// <summary>Both ways, once.</summary>
    public void Run()
    {
        using DisposeScope inner = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using TensorStack.Pass pass = states.Begin();
        (_, AttentionState state) = attention.Forward(Parts(joined), documents, states, states, keepsProbabilities: true);
        attention.Backward(dMixed, Parts(joined), state, documents, Parts(gradients));
    }

    public void Dispose()
    {
        states.Dispose();
        scratch.Dispose();
        scope.Dispose();
    }

    private HeadParts Parts(Tensor all)
    {
        (int queries, int keys) = (heads.Heads, heads.KeyValueHeads);
        return new(all.narrow(1, 0, queries), all.narrow(1, queries, keys), all.narrow(1, queries + keys, keys)) { All = all };
    }
}
