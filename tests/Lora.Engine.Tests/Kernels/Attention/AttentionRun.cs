using Lora.Kernels;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Tests.Kernels;

/// <summary>One attention, forward and backward on drawn values, and what the formula gives.</summary>
internal sealed class AttentionRun
{
    private readonly IAttention attention;
    private readonly AttentionHeads shape;
    private readonly DocumentPlaces documents;
    private readonly Tensor joined; // [tokens, heads + 2 kvHeads, headSize]
    private readonly Tensor dMixed; // [tokens, heads, headSize]
    private readonly Tensor gradients; // like joined

    public AttentionRun(IAttention attention, AttentionHeads shape, int[] lengths, ScalarType type)
    {
        this.attention = attention;
        this.shape = shape;
        int[] ends = [0, .. lengths.Select((_, index) => lengths[..(index + 1)].Sum())];
        documents = new([.. lengths.Zip(ends, (length, start) => (start, length))], tensor(ends, device: CPU), [null, shape.Window]);
        Generator generator = new(17, CPU);
        joined = Draw(shape.Heads + (2 * shape.KeyValueHeads));
        dMixed = Draw(shape.Heads);
        gradients = Arithmetic.Full(joined.shape, double.NaN, type, CPU);
        Mixed = dMixed;

        Tensor Draw(int heads) => randn([ends[^1], heads, shape.HeadSize], dtype: ScalarType.Float64, device: CPU, generator: generator).to(type);
    }

    public Tensor Mixed { get; private set; }

    public Tensor Gradients => gradients;

    public void Run(TensorStack stack, bool keepsProbabilities = true)
    {
        (Tensor mixed, AttentionState state) = attention.Forward(Parts(joined), documents, stack, stack, keepsProbabilities);
        Mixed = mixed.clone(); // the backward pass may write over it
        attention.Backward(dMixed, Parts(joined), state, documents, Parts(gradients));
    }

    /// <summary>Holds results and gradients to those of softmax(cap(factor q kᵀ)) v in float64.</summary>
    public void Check(double tolerance)
    {
        Tensor leaf = joined.to(ScalarType.Float64, copy: true).requires_grad_();
        HeadParts parts = Parts(leaf);
        long group = shape.Heads / shape.KeyValueHeads;
        List<Tensor> mixed = [];
        foreach ((int start, int length) in documents.Places)
        {
            Tensor q = parts.Query.narrow(0, start, length).transpose(0, 1); // [heads, length, headSize]
            Tensor k = parts.Key.narrow(0, start, length).repeat_interleave(group, dim: 1).transpose(0, 1);
            Tensor v = parts.Value.narrow(0, start, length).repeat_interleave(group, dim: 1).transpose(0, 1);
            Tensor scores = q.matmul(k.transpose(1, 2)).Times(shape.Factor);
            scores = shape.Cap is double cap ? scores.Times(1 / cap).tanh().Times(cap) : scores;
            bool[] hidden = [.. from query in Enumerable.Range(0, length) from key in Enumerable.Range(0, length) select key > query || query - key >= (shape.Window ?? length)];
            mixed.Add(scores.Masked(tensor(hidden, [length, length], device: CPU), double.NegativeInfinity).softmax(-1).matmul(v).transpose(0, 1));
        }

        Tensor expected = cat([.. mixed]);
        expected.backward([dMixed.to(ScalarType.Float64)]);
        Assert.InRange(Closeness.Relative(Mixed, expected), 0, tolerance);
        Assert.InRange(Closeness.Relative(gradients, leaf.grad!), 0, tolerance);
    }

    private HeadParts Parts(Tensor heads)
    {
        (int queries, int keys) = (shape.Heads, shape.KeyValueHeads);
        return new(heads.narrow(1, 0, queries), heads.narrow(1, queries, keys), heads.narrow(1, queries + keys, keys)) { All = heads };
    }
}
