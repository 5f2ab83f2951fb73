using Lora.Quantization;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// The operations of a decoder between its matrix products, forward and backward. "Wide" is float32, or float64 when the activations are;
/// everything else has the activations' dtype. The last dimension of every tensor is contiguous.
/// </summary>
/// <remarks>
/// The matrix products are libtorch's; what lies between them is here, since it waits for memory and not for arithmetic: one pass over the tensors in
/// place of the five or ten of separate operators. Results go into tensors that the caller gives, some over their own input. Two implementations:
/// vector code for a CPU, libtorch's operators for all else and as what the vector code is held to.
/// </remarks>
internal interface IKernels
{
    /// <summary>Bytes that are made in passing at the most, where that is worth planning.</summary>
    long Workspace => 0;

    /// <summary>y = w x / sqrt(mean(x²) + ε) over the last dimension.</summary>
    /// <param name="x">[..., width].</param>
    /// <param name="weight">[width], wide.</param>
    /// <param name="epsilon">Added to the mean of the squares.</param>
    /// <param name="y">Like x; written.</param>
    /// <param name="scale">1 / sqrt(mean(x²) + ε), wide, one for each row, contiguous; written.</param>
    void NormForward(Tensor x, Tensor weight, double epsilon, Tensor y, Tensor scale);

    /// <summary>dx (+)= scale (w dy - x scale² mean(w dy x)).</summary>
    /// <param name="x">[..., width], as in the forward pass.</param>
    /// <param name="weight">[width], wide.</param>
    /// <param name="scale">Of the forward pass.</param>
    /// <param name="dy">Like x.</param>
    /// <param name="dx">Like x; may be dy itself.</param>
    /// <param name="accumulate">Whether to add to dx.</param>
    void NormBackward(Tensor x, Tensor weight, Tensor scale, Tensor dy, Tensor dx, bool accumulate);

    /// <summary>Rotates value k of each head against value k + rotated/2 in place; backward, by the opposite angle.</summary>
    /// <param name="heads">[tokens, heads, rotated]; may be the first values of wider heads.</param>
    /// <param name="cosine">[tokens, rotated/2], wide, contiguous.</param>
    /// <param name="sine">[tokens, rotated/2], wide, contiguous.</param>
    /// <param name="backward">Whether a gradient is turned back.</param>
    void Rotate(Tensor heads, Tensor cosine, Tensor sine, bool backward);

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

    /// <summary>softmax(factor · scores) over the keys that each query sees, in place; zero for the others.</summary>
    /// <param name="scores">[groups, queries, keys], contiguous; the queries of several heads follow each other.</param>
    /// <param name="tile">Which queries and keys they are.</param>
    /// <param name="factor">1 / sqrt(headSize).</param>
    void SoftmaxForward(Tensor scores, AttentionTile tile, double factor);

    /// <summary>dp becomes factor · p (dp - Σ p dp), in place.</summary>
    /// <param name="p">Of the forward pass.</param>
    /// <param name="dp">Like p.</param>
    /// <param name="tile">Which queries and keys they are.</param>
    /// <param name="factor">1 / sqrt(headSize).</param>
    void SoftmaxBackward(Tensor p, Tensor dp, AttentionTile tile, double factor);

    /// <summary>Σ -log softmax(logits)[target]; the logits become their gradient times a factor, (softmax - onehot) · factor.</summary>
    /// <param name="logits">[places, vocabulary], contiguous.</param>
    /// <param name="targets">[places], int64.</param>
    /// <param name="factor">What the loss is multiplied by before it is differentiated.</param>
    /// <returns>The sum in nats, without the factor.</returns>
    double CrossEntropy(Tensor logits, Tensor targets, double factor);

    /// <summary>
    /// Dropout: y = x / (1 - p), but zero where a number drawn for the value is below p. The draws hang on the seed and the value's place alone, so
    /// that the backward pass makes them again; other kernels make others.
    /// </summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="probability">p, from 0 to below 1.</param>
    /// <param name="seed">Of the draws.</param>
    /// <param name="y">Like x; may be x itself.</param>
    void Drop(Tensor x, double probability, ulong seed, Tensor y);

    /// <summary>
    /// One step of AdamW (arXiv 1711.05101) in one pass: p = decay · p; m = β₁m + (1-β₁)g; v = β₂v + (1-β₂)g²; p -= rate · m / (sqrt(v) / root + ε).
    /// </summary>
    /// <param name="values">p, [count], wide, contiguous, as the others are; changed.</param>
    /// <param name="mean">m; changed.</param>
    /// <param name="variance">v; changed.</param>
    /// <param name="gradients">g.</param>
    /// <param name="step">The step's numbers.</param>
    void Adam(Tensor values, Tensor mean, Tensor variance, Tensor gradients, AdamStep step);

    /// <summary>Writes the values of a 4-bit matrix: products in float32, rounded to the dtype of y.</summary>
    /// <param name="matrix">On the device of y.</param>
    /// <param name="y">[out, in], contiguous; written.</param>
    void Dequantize(FourBitMatrix matrix, Tensor y);
}

/// <summary>The numbers of one step of AdamW.</summary>
/// <param name="Decay">What values are multiplied by first, 1 - lr·wd.</param>
/// <param name="Beta1">Of the gradients' mean.</param>
/// <param name="Beta2">Of their squares' mean.</param>
/// <param name="Rate">lr / (1 - β₁ᵗ).</param>
/// <param name="VarianceRoot">sqrt(1 - β₂ᵗ), by which the root of the squares' mean is divided.</param>
/// <param name="Epsilon">Added to that quotient.</param>
internal readonly record struct AdamStep(double Decay, double Beta1, double Beta2, double Rate, double VarianceRoot, double Epsilon);
