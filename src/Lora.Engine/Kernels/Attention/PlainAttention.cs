using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>Attention as its formula, document by document, where a device has no operator for it: many launches, and the square of a document's length.</summary>
internal sealed class PlainAttention : AttentionOperator
{
    /// <inheritdoc/>
    public override string Name => "plain products";

    /// <inheritdoc/>
    public override bool NeedsEqualHeads => true;

    /// <inheritdoc/>
    public override (Tensor Mixed, Tensor[] Statistics) Forward(HeadParts heads, AttentionHeads shape, DocumentPlaces documents)
    {
        Tensor mixed = empty(heads.Query.shape, dtype: heads.Query.dtype, device: heads.Query.device); // [tokens, heads, headSize]
        foreach ((int start, int length) in documents.Places)
        {
            using DisposeScope scope = NewDisposeScope();
            Part part = new(heads, start, length);
            part.Of(mixed).copy_(part.Probabilities(shape).P.to(mixed.dtype).matmul(part.Value));
        }

        return (mixed, []);
    }

    /// <inheritdoc/>
    public override HeadParts Backward(
        Tensor dMixed, HeadParts heads, AttentionHeads shape, DocumentPlaces documents, Tensor mixed, Tensor[] statistics)
    {
        HeadParts gradients = new(empty_like(heads.Query), empty_like(heads.Key), empty_like(heads.Value));
        foreach ((int start, int length) in documents.Places)
        {
            using DisposeScope scope = NewDisposeScope();
            Part part = new(heads, start, length);
            (Tensor p, Tensor? bent) = part.Probabilities(shape); // [heads, length, length], wide
            Tensor dO = part.Of(dMixed); // [heads, length, headSize]
            Tensor dP = dO.matmul(part.Value.transpose(1, 2)).to(p.dtype);

            // factor · p (dp - Σ p dp); p is zero where a query sees nothing. The slope of a cap is 1 - tanh².
            Tensor dC = dP.sub(p.mul(dP).sum([-1], keepdim: true)).mul_(p).Multiply(shape.Factor);
            Tensor dS = (bent is null ? dC : dC.AddProduct(dC, bent.mul_(bent), -1)).to(dO.dtype);
            part.Of(gradients.Query).copy_(dS.matmul(part.Key));
            part.Of(gradients.Key).copy_(dS.transpose(1, 2).matmul(part.Query));
            part.Of(gradients.Value).copy_(p.to(dO.dtype).transpose(1, 2).matmul(dO));
        }

        return gradients;
    }

    /// <inheritdoc/>
    public override long StatisticBytes(IReadOnlyList<int> lengths) => 0;

    /// <inheritdoc/>
    public override long Workspace(IReadOnlyList<int> lengths, AttentionHeads shape) =>
        // Scores, probabilities and their gradients in float32, the mask, and tanh of the scores where they are capped.
        (shape.Cap is null ? 4L : 5L) * sizeof(float) * shape.Heads * lengths.Max() * lengths.Max();

    /// <summary>The heads of one document, each [heads, length, headSize], views.</summary>
    private readonly struct Part(HeadParts heads, int start, int length)
    {
        public Tensor Query => Of(heads.Query);

        public Tensor Key => Of(heads.Key);

        public Tensor Value => Of(heads.Value);

        public Tensor Of(Tensor all) => all.narrow(0, start, length).transpose(0, 1);

        /// <summary>softmax(cap(factor q kᵀ)), [heads, length, length], in float32 or wider, and tanh(factor q kᵀ / cap) where there is a cap.</summary>
        public (Tensor P, Tensor? Bent) Probabilities(AttentionHeads shape)
        {
            Tensor places = Arithmetic.Range(0, length, ScalarType.Int64, heads.Query.device); // [length]
            Tensor distance = places.unsqueeze(1) - places; // [queries, keys]

            // Behind the query, or further back than its window.
            Tensor hidden = distance.IsBelow(0).bitwise_or(distance.IsAtLeast(shape.Window ?? length));
            Tensor scores = Query.matmul(Key.transpose(1, 2));
            Tensor wide = scores.dtype == ScalarType.Float64 ? scores : scores.to(ScalarType.Float32);
            Tensor? bent = shape.Cap is double cap ? wide.Times(shape.Factor / cap).tanh_() : null;
            return ((bent is null ? wide.Times(shape.Factor) : bent.Times(shape.Cap!.Value)).Masked(hidden, double.NegativeInfinity).softmax(-1), bent);
        }
    }
}
