using Lora.Native;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>The kernels as libtorch's operators: for every device and dtype, and what the others are compared with.</summary>
internal sealed class TorchKernels : IKernels
{
    /// <inheritdoc/>
    public void NormForward(Tensor x, Tensor weight, double epsilon, Tensor y, Tensor scale)
    {
        using DisposeScope scope = NewDisposeScope();

        // The weight is wide, and so everything here is until the result is rounded.
        Tensor wide = x.to(weight.dtype);
        Tensor factor = wide.mul(wide).mean([-1], keepdim: true).Add(epsilon).rsqrt_(); // [..., 1]
        scale.copy_(factor.view(scale.shape)); // [rows]
        y.copy_(wide.mul(factor).mul_(weight));
    }

    /// <inheritdoc/>
    public void NormBackward(Tensor x, Tensor weight, Tensor scale, Tensor dy, Tensor dx, bool accumulate)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor factor = scale.view([.. x.shape[..^1], 1]); // [..., 1]
        Tensor normal = x.to(weight.dtype).mul(factor);
        Tensor gradient = dy.to(weight.dtype).mul(weight);

        // With n = x scale: scale (w dy - n mean(w dy n)).
        Tensor result = gradient.sub(normal.mul(gradient.mul(normal).mean([-1], keepdim: true))).mul_(factor);

        // dx may be dy: it is written after everything was read.
        dx.copy_(accumulate ? result.Add(dx) : result);
    }

    /// <inheritdoc/>
    public void Rotate(Tensor heads, Tensor cosine, Tensor sine, bool backward)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] halves = [.. heads.chunk(2, -1).Select(half => half.to(cosine.dtype))]; // [tokens, heads, rotated/2]
        Tensor across = cosine.unsqueeze(1); // [tokens, 1, rotated/2]

        // The opposite angle: the sign of sin alone changes.
        Tensor along = backward ? sine.unsqueeze(1).neg() : sine.unsqueeze(1);
        heads.copy_(cat([(halves[0] * across) - (halves[1] * along), (halves[1] * across).Plus(halves[0] * along)], -1));
    }

    /// <inheritdoc/>
    public void GateForward(GateActivation activation, Tensor gateUp, Tensor y)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] halves = [.. gateUp.chunk(2, -1).Select(half => half.to(Wide(gateUp)))]; // gate and up, each [tokens, intermediate]
        y.copy_(GateActivations.Of(activation, halves[0]).mul_(halves[1]));
    }

    /// <inheritdoc/>
    public void GateBackward(GateActivation activation, Tensor gateUp, Tensor dy, Tensor dGateUp)
    {
        using DisposeScope scope = NewDisposeScope();
        ScalarType wide = Wide(gateUp);
        Tensor[] halves = [.. gateUp.chunk(2, -1).Select(half => half.to(wide))]; // gate and up, each [tokens, intermediate]
        Tensor[] gradients = dGateUp.chunk(2, -1); // views of dGateUp
        Tensor gradient = dy.to(wide);
        Tensor sigmoid = GateActivations.Inner(activation, halves[0]).sigmoid();
        Tensor active = halves[0] * sigmoid;
        Tensor slope = active * GateActivations.Slope(activation, halves[0]) * sigmoid.neg().Plus(1); // x σ s' (1 - σ)
        gradients[0].copy_(gradient * halves[1] * sigmoid.Plus(slope));
        gradients[1].copy_(gradient * active);
    }

    /// <inheritdoc/>
    public void SoftmaxForward(Tensor scores, AttentionTile tile, double factor)
    {
        using DisposeScope scope = NewDisposeScope();

        // One mask for the tile, the same for all heads.
        Tensor hidden = Hidden(tile, scores.device); // [queries, keys]
        Tensor wide = scores.to(Wide(scores)).Times(factor).view(-1, tile.Queries, tile.Keys); // [heads, queries, keys]
        scores.copy_(wide.Masked(hidden, double.NegativeInfinity).softmax(-1).view(scores.shape));
    }

    /// <inheritdoc/>
    public void SoftmaxBackward(Tensor p, Tensor dp, AttentionTile tile, double factor)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor probabilities = p.to(Wide(p));
        Tensor gradient = dp.to(Wide(p));

        // p is zero where a query sees nothing, so those places get no gradient without a mask.
        Tensor sum = (probabilities * gradient).sum([-1], keepdim: true);
        dp.copy_(((gradient - sum) * probabilities).Times(factor));
    }

    /// <inheritdoc/>
    public double CrossEntropy(Tensor logits, Tensor targets, double factor)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logarithms = logits.to(Wide(logits)).log_softmax(-1); // [places, vocabulary]
        Tensor index = targets.unsqueeze(1);

        // log_softmax subtracts the largest logit first, so that exp cannot overflow.
        double loss = -logarithms.gather(1, index).sum().ToDouble();
        Tensor gradient = logarithms.exp();
        gradient.scatter_add_(1, index, ones_like(index, dtype: gradient.dtype).neg()); // softmax - onehot
        logits.copy_(gradient.Multiply(factor));
        return loss;
    }

    /// <inheritdoc/>
    public void Drop(Tensor x, double probability, ulong seed, Tensor y)
    {
        using DisposeScope scope = NewDisposeScope();

        // A generator of its own, so that nobody's draws move on and the backward pass begins at the same place.
        using Generator generator = new(seed, x.device);

        // Drawn in float32 for every dtype: float16 has too few numbers below 1 for small probabilities.
        Tensor kept = rand(x.shape, dtype: ScalarType.Float32, device: x.device, generator: generator).IsAtLeast(probability);
        y.copy_(x * kept.to(x.dtype).Multiply(1 / (1 - probability)));
    }

    /// <inheritdoc/>
    public void Adam(Tensor values, Tensor mean, Tensor variance, Tensor gradients, AdamStep step)
    {
        using DisposeScope scope = NewDisposeScope();
        values.Multiply(step.Decay);
        mean.Multiply(step.Beta1).Add(gradients, 1 - step.Beta1);
        variance.Multiply(step.Beta2).AddProduct(gradients, gradients, 1 - step.Beta2);

        // Operator by operator in the order of torch.optim.AdamW, whose results this is held to.
        Tensor denominator = variance.sqrt().Divide(step.VarianceRoot).Add(step.Epsilon);
        values.AddQuotient(mean, denominator, -step.Rate);
    }

    /// <inheritdoc/>
    public void Dequantize(FourBitMatrix matrix, Tensor y)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor pairs = tensor(matrix.Code.Pairs, [256, 2], device: y.device); // both values of each byte
        Tensor values = pairs.index_select(0, matrix.Codes.to(ScalarType.Int32)).view(-1, matrix.BlockValues); // [blocks, BlockValues]
        values.mul_(matrix.Magnitudes.Read().unsqueeze(1));
        y.copy_(values.view(-1).narrow(0, 0, y.numel()).view(y.shape));
    }

    private static Tensor Hidden(AttentionTile tile, Device device)
    {
        Tensor queries = Arithmetic.Range(tile.QueryStart, tile.QueryStart + tile.Queries, ScalarType.Int64, device).unsqueeze(1);
        Tensor distance = queries - Arithmetic.Range(tile.KeyStart, tile.KeyStart + tile.Keys, ScalarType.Int64, device); // [queries, keys]

        // Behind the query, or further back than its window.
        return distance.IsBelow(0).logical_or_(distance.IsAtLeast(tile.Window));
    }

    private static ScalarType Wide(Tensor tensor) => tensor.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
}
