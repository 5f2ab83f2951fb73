using Lora.Native;
using Lora.Quantization;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// The operations of a decoder between its matrix products, forward and backward. "Wide" is float32, or float64 when the activations are;
/// everything else has the activations' dtype. The last dimension of every tensor is contiguous.
/// </summary>
/// <remarks>
/// The matrix products are libtorch's; what lies between them is here, since it waits for memory and, on a GPU, for launches, and not for arithmetic. Results
/// go into tensors that the caller gives, some over their own input, or onto the stack that the caller names. Nothing is read back from the device: sums
/// stay tensors. Two implementations: vector code for a CPU, one pass over the tensors where operators would be five or ten; and libtorch's own
/// operators, the whole ones where there are any, for all else and as what the vector code is held to.
/// </remarks>
internal interface IKernels
{
    /// <summary>Whether results that go onto a stack are in memory that an operator made, and not in the stack's own.</summary>
    bool MakesResults { get; }

    /// <summary>Attention in blocks of one shape.</summary>
    /// <param name="shape">The heads.</param>
    /// <param name="type">Of the activations.</param>
    /// <param name="scratch">For what a pass makes.</param>
    IAttention Attention(AttentionHeads shape, ScalarType type, TensorStack scratch);

    /// <summary>What is done without whole operators of libtorch, and why; null where the device has them, or where there is no choice.</summary>
    /// <param name="needs">The operators.</param>
    /// <param name="type">Of their tensors.</param>
    /// <param name="device">Where they are.</param>
    string? Way(OperatorNeeds needs, ScalarType type, Device device) => null;

    /// <summary>The most bytes that are made in passing, where that is worth planning; attention has its own.</summary>
    /// <param name="tokens">Rows.</param>
    /// <param name="widths">How wide they are.</param>
    long Workspace(long tokens, KernelWidths widths);

    /// <summary>y = w x / sqrt(mean(x²) + ε) over the last dimension; with a shift b, y = w (x - mean(x)) / sqrt(variance(x) + ε) + b (arXiv 1607.06450).</summary>
    /// <param name="x">[..., width].</param>
    /// <param name="weight">w, and b.</param>
    /// <param name="epsilon">Added to the mean of the squares.</param>
    /// <param name="place">Where y goes.</param>
    /// <param name="statePlace">Where what the gradient asks for goes.</param>
    /// <returns>y, like x but contiguous, and that.</returns>
    (Tensor Normal, NormState State) NormForward(Tensor x, NormWeight weight, double epsilon, TensorStack place, TensorStack statePlace);

    /// <summary>dx (+)= scale (g - mean(g) - c scale² mean(g c)) with g = w dy and c = x - mean(x); without a shift c is x, and mean(g) is left out.</summary>
    /// <param name="x">[..., width], as in the forward pass.</param>
    /// <param name="weight">As in the forward pass.</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="dy">Like x; where each head has a weight of its own not to be read afterwards.</param>
    /// <param name="dx">Like x; may be dy itself.</param>
    /// <param name="accumulate">Whether to add to dx.</param>
    void NormBackward(Tensor x, NormWeight weight, NormState state, Tensor dy, Tensor dx, bool accumulate);

    /// <summary>The same into memory of its own.</summary>
    /// <param name="x">[..., width], as in the forward pass.</param>
    /// <param name="weight">As in the forward pass.</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="dy">Like x; where each head has a weight of its own not to be read afterwards.</param>
    /// <param name="place">Where dx goes.</param>
    /// <returns>dx, like x.</returns>
    Tensor NormBackward(Tensor x, NormWeight weight, NormState state, Tensor dy, TensorStack place);

    /// <summary>Rotates value k of each head against value k + rotated/2 in place; backward, by the opposite angle.</summary>
    /// <param name="heads">[tokens, heads, rotated], those of q and k at once; may be the first values of wider heads.</param>
    /// <param name="angles">Of the tokens.</param>
    /// <param name="backward">Whether a gradient is turned back.</param>
    void Rotate(Tensor heads, RotationAngles angles, bool backward);

    /// <summary>y = activation(gate) · up.</summary>
    /// <param name="activation">Of the gate.</param>
    /// <param name="gateUp">[tokens, 2 · width], gate before up.</param>
    /// <param name="y">[tokens, width]; written.</param>
    void GateForward(GateActivation activation, Tensor gateUp, Tensor y);

    /// <summary>The gradient of <see cref="GateForward"/>; <see cref="IGate"/> has the derivative.</summary>
    /// <param name="activation">Of the gate.</param>
    /// <param name="gateUp">[tokens, 2 · width].</param>
    /// <param name="dy">[tokens, width].</param>
    /// <param name="dGateUp">Like gateUp; written.</param>
    void GateBackward(GateActivation activation, Tensor gateUp, Tensor dy, Tensor dGateUp);

    /// <summary>y = scale ⊙ z + shift + residual: what outputs become whose magnitudes are trained.</summary>
    /// <param name="z">[tokens, width].</param>
    /// <param name="scale">[width], float32.</param>
    /// <param name="shift">Like the scale; null for nothing.</param>
    /// <param name="residual">Like z; null for nothing.</param>
    /// <param name="y">Like z; written. May be z or the residual itself.</param>
    void ScaleForward(Tensor z, Tensor scale, Tensor? shift, Tensor? residual, Tensor y);

    /// <summary>The gradients of <see cref="ScaleForward"/>: dz = scale ⊙ dy and, of the scale, Σ dy ⊙ z over the tokens.</summary>
    /// <param name="dy">[tokens, width].</param>
    /// <param name="scale">[width], float32.</param>
    /// <param name="z">As in the forward pass; becomes dz.</param>
    /// <param name="sums">Like the scale; written.</param>
    void ScaleBackward(Tensor dy, Tensor scale, Tensor z, Tensor sums);

    /// <summary>y = activation(x).</summary>
    /// <param name="activation">Of an MLP without a gate.</param>
    /// <param name="x">[tokens, width].</param>
    /// <param name="y">Like x; written.</param>
    void ActivationForward(PlainActivation activation, Tensor x, Tensor y);

    /// <summary>dx = dy activation'(x).</summary>
    /// <param name="activation">As in the forward pass.</param>
    /// <param name="x">[tokens, width].</param>
    /// <param name="dy">Like x.</param>
    /// <param name="dx">Like x; written.</param>
    void ActivationBackward(PlainActivation activation, Tensor x, Tensor dy, Tensor dx);

    /// <summary>Adds Σ -log softmax(logits)[target] to a sum; the logits become their gradient times a factor, (softmax - onehot) · factor.</summary>
    /// <param name="logits">[places, vocabulary], contiguous.</param>
    /// <param name="targets">[places], int64.</param>
    /// <param name="factor">What the loss is multiplied by before it is differentiated; null for no gradient, and logits that nobody reads afterwards.</param>
    /// <param name="sum">[], float64: nats, without the factor; added to. The same number with a gradient and without.</param>
    void CrossEntropy(Tensor logits, Tensor targets, double? factor, Tensor sum);

    /// <summary>
    /// Dropout: y (+)= x / (1 - p), but zero where a number drawn for the value is below p. The draws hang on the seed and the value's place alone, so
    /// that the backward pass makes them again; other kernels make others.
    /// </summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="probability">p, from 0 to below 1.</param>
    /// <param name="seed">Of the draws.</param>
    /// <param name="y">Like x; may be x itself.</param>
    /// <param name="accumulate">Whether to add to y.</param>
    void Drop(Tensor x, double probability, ulong seed, Tensor y, bool accumulate = false);

    /// <summary>
    /// One step of AdamW (arXiv 1711.05101) in one pass: p = decay · p; m = β₁m + (1-β₁)g; v = β₂v + (1-β₂)g²; p -= rate · m / (sqrt(v) / root + ε).
    /// </summary>
    /// <param name="values">p, [count], wide, contiguous, as the others are; changed.</param>
    /// <param name="mean">m; changed.</param>
    /// <param name="variance">v; changed.</param>
    /// <param name="gradients">g.</param>
    /// <param name="step">The step's numbers.</param>
    /// <param name="skip">[], float32: nothing is changed where it is 1. The device decides, so that nobody waits for it.</param>
    void Adam(Tensor values, Tensor mean, Tensor variance, Tensor gradients, AdamStep step, Tensor skip);

    /// <summary>Writes the values of 4-bit matrices: products in float32, rounded to the dtype of y.</summary>
    /// <param name="stack">On the device of y.</param>
    /// <param name="y">[all outputs, in], contiguous; written.</param>
    void Dequantize(FourBitStack stack, Tensor y);
}

/// <summary>What a norm multiplies by, as kernels ask for it: one value for each of the last dimension, or others for each head.</summary>
/// <param name="Wide">[width] or [heads, width], wide.</param>
/// <param name="Rounded">The same in the activations' dtype.</param>
internal sealed record NormWeight(Tensor Wide, Tensor Rounded) : IDisposable
{
    /// <summary>b of a norm that takes the mean away, like the weight, zeros where nothing is learned of it; null for a norm by root mean squares.</summary>
    public NormWeight? Shift { get; init; }

    /// <summary>Numbers that its gradient asks for, of each row.</summary>
    public int Numbers => Shift is null ? 1 : 2;

    /// <summary>Of a wide weight, and a wide shift, which it takes over.</summary>
    public static NormWeight Of(Tensor wide, ScalarType type, Tensor? shift = null) =>
        new(wide, wide.to(type, copy: true).DetachFromDisposeScope()) { Shift = shift is null ? null : Of(shift, type) };

    /// <inheritdoc/>
    public void Dispose()
    {
        Wide.Dispose();
        Rounded.Dispose();
        Shift?.Dispose();
    }
}

/// <summary>What a norm's gradient asks of its forward pass, wide, a number for each row.</summary>
/// <param name="Scale">1 / sqrt(mean(x²) + ε), or 1 / sqrt(variance(x) + ε).</param>
/// <param name="Mean">mean(x); null where it is not taken away.</param>
internal sealed record NormState(Tensor Scale, Tensor? Mean)
{
    /// <summary>All of it.</summary>
    public IEnumerable<Tensor> Tensors => Mean is null ? [Scale] : [Scale, Mean];
}

/// <summary>What an MLP without a gate does between its two layers.</summary>
internal enum PlainActivation
{
    /// <summary>x Φ(x) with the normal distribution's Φ, by the error function (arXiv 1606.08415).</summary>
    Gelu,

    /// <summary>Its tanh form; <see cref="GateActivation.TanhGelu"/>.</summary>
    TanhGelu,

    /// <summary>x σ(1.702 x).</summary>
    QuickGelu,

    /// <summary>x where that is positive, else 0.</summary>
    Relu,

    /// <summary>x σ(x).</summary>
    Silu,
}

/// <summary>cos and sin of the angles by which the heads of each token turn.</summary>
/// <param name="Table">
/// [tokens, 2 rotated], wide, contiguous: cos, sin, -sin and cos of each angle, each [rotated/2]. Row by row these are the matrix that (x₁, x₂), the halves of a
/// head, is multiplied by from the left: (x₁ cos - x₂ sin, x₁ sin + x₂ cos).
/// </param>
internal sealed record RotationAngles(Tensor Table)
{
    /// <summary>Those of the tokens' cos and sin.</summary>
    /// <param name="cosine">[tokens, rotated/2].</param>
    /// <param name="sine">Like it.</param>
    public static RotationAngles Of(Tensor cosine, Tensor sine) => new(cat([cosine, sine, sine.neg(), cosine], 1));

    /// <summary>Values of a head that turn.</summary>
    public long Rotated => Table.shape[1] / 2;
}

/// <summary>Values of a token at the places where kernels work.</summary>
/// <param name="Hidden">Of a hidden state.</param>
/// <param name="Turned">Of q and k.</param>
/// <param name="Dropped">Of the widest input that is dropped, once for each adapter where they are dropped together; 0 where none is.</param>
/// <param name="Type">Of one.</param>
/// <param name="Device">Where they are.</param>
internal readonly record struct KernelWidths(long Hidden, long Turned, long Dropped, ScalarType Type, Device Device);

/// <summary>The numbers of one step of AdamW.</summary>
/// <param name="LearningRate">lr.</param>
/// <param name="WeightDecay">wd.</param>
/// <param name="Beta1">Of the gradients' mean.</param>
/// <param name="Beta2">Of their squares' mean.</param>
/// <param name="Epsilon">Added to the quotient of the mean.</param>
/// <param name="Number">t, the step, counted from 1.</param>
internal readonly record struct AdamStep(double LearningRate, double WeightDecay, double Beta1, double Beta2, double Epsilon, int Number)
{
    /// <summary>What values are multiplied by first.</summary>
    public double Decay => 1 - (LearningRate * WeightDecay);

    // In double, once a step: 1 - 0.999 in float32 has lost three of its seven digits.

    /// <summary>lr / (1 - β₁ᵗ).</summary>
    public double Rate => LearningRate / (1 - Math.Pow(Beta1, Number));

    /// <summary>sqrt(1 - β₂ᵗ), by which the root of the squares' mean is divided.</summary>
    public double VarianceRoot => Math.Sqrt(1 - Math.Pow(Beta2, Number));
}
