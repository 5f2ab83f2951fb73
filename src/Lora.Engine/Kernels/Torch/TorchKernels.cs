using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// The kernels as libtorch's operators: for every device and dtype, and what the vector code is compared with. On a GPU each is a few whole operators, which
/// compute in float32 whatever the dtype; where one is not there (<see cref="OperatorNeeds"/>), as on a processor, formulas in a wide dtype take its place.
/// </summary>
/// <param name="attention">The operator of attention; null for the first that serves the heads on their device.</param>
/// <param name="card">What is known of the card; null to ask the device.</param>
internal sealed partial class TorchKernels(AttentionOperator? attention = null, CardFacts? card = null) : IKernels
{
    // Of a norm's gradient by formulas: x and dy, n, w dy, their product, two of its difference.
    private const int FormulaTensors = 7;

    private readonly WholeOperators whole = new(card);

    /// <inheritdoc/>
    public bool MakesResults => true;

    /// <inheritdoc/>
    public IAttention Attention(AttentionHeads shape, ScalarType type, TensorStack scratch)
    {
        (AttentionOperator? chosen, IReadOnlyList<string> reasons) = attention is not null
            ? (attention, [])
            : AttentionOperators.Choose(scratch.Device, type, shape, whole.Card(scratch.Device));
        return chosen is null ? new PlainAttention(reasons, shape, scratch, type.ElementSize()) : new PackedAttention(chosen, reasons, shape, type.ElementSize());
    }

    /// <inheritdoc/>
    public string? Way(OperatorNeeds needs, ScalarType type, Device device) => whole.Reason(needs, type, device) is string reason ? $"{needs.Instead} ({reason})" : null;

    /// <inheritdoc/>
    public long Workspace(long tokens, KernelWidths widths)
    {
        // One kernel works at a time: a norm's gradient before it is added, the shares of q and k that a rotation adds up, or an input's mask and dropped values.
        long values = Math.Max(Math.Max(widths.Hidden, 2 * widths.Turned), widths.Dropped);
        long bytes = tokens * ((values * widths.Type.ElementSize()) + (widths.Dropped * sizeof(float)));
        return whole.Has(OperatorNeeds.FusedNorm, widths.Type, widths.Device)
            ? bytes
            : Math.Max(bytes, tokens * Math.Max(widths.Hidden, widths.Turned) * FormulaTensors * Math.Max(sizeof(float), widths.Type.ElementSize()));
    }

    /// <inheritdoc/>
    public (Tensor Normal, NormState State) NormForward(Tensor x, NormWeight weight, double epsilon, TensorStack place, TensorStack statePlace)
    {
        using DisposeScope scope = NewDisposeScope();
        if (weight.Shift is not null)
        {
            (Tensor result, Tensor mean, Tensor deviation) = LayerNormCall.Forward(x, weight, epsilon);
            return (place.Adopt(result), new(statePlace.Adopt(deviation), statePlace.Adopt(mean)));
        }

        if (HasNorm(x))
        {
            bool isOne = weight.Wide.dim() == 1;
            Tensor[] results = Dispatcher.Call(
                "aten::_fused_rms_norm", "", results: 2, tensors: 2, x, OperatorArgument.List(x.shape[^1]), isOne ? OperatorArgument.Some(weight.Rounded) : OperatorArgument.None, OperatorArgument.Some(epsilon));
            return (place.Adopt(isOne ? results[0] : results[0].mul_(weight.Rounded)), new(statePlace.Adopt(results[1]), null));
        }

        // The weight is wide, and so everything here is until the result is rounded.
        Tensor wide = x.to(weight.Wide.dtype);
        Tensor factor = wide.mul(wide).mean([-1], keepdim: true).Add(epsilon).rsqrt_(); // [..., 1]
        return (place.Adopt(wide.mul(factor).mul_(weight.Wide).to(x.dtype)), new(statePlace.Adopt(factor), null));
    }

    /// <inheritdoc/>
    public void NormBackward(Tensor x, NormWeight weight, NormState state, Tensor dy, Tensor dx, bool accumulate)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor result = NormGradient(x, weight, state, dy);

        // dx may be dy: it is written after everything was read.
        _ = accumulate ? dx.Add(result) : dx.copy_(result);
    }

    /// <inheritdoc/>
    public Tensor NormBackward(Tensor x, NormWeight weight, NormState state, Tensor dy, TensorStack place)
    {
        using DisposeScope scope = NewDisposeScope();
        return place.Adopt(NormGradient(x, weight, state, dy).to(x.dtype));
    }

    /// <inheritdoc/>
    public void Rotate(Tensor heads, RotationAngles angles, bool backward)
    {
        using DisposeScope scope = NewDisposeScope();
        (long tokens, long count, long half) = (heads.shape[0], heads.shape[1], angles.Rotated / 2);
        Tensor halves = heads.unflatten(2, 2, half); // [tokens, heads, 2, rotated/2]
        Tensor turn = angles.Table.view(tokens, 1, 2, 2, half); // the matrix of each angle

        // What each half gives to both, by one operator, and the sums by another. Products with float32 angles are rounded as they are written.
        Tensor shares = empty([tokens, count, 2, 2, half], dtype: heads.dtype, device: heads.device); // [tokens, heads, of, to, rotated/2]
        ResultInto.Product(shares, halves.unsqueeze(3), backward ? turn.transpose(2, 3) : turn);
        ScaledInto.Sum(halves, shares.select(2, 0), shares.select(2, 1));
    }

    /// <inheritdoc/>
    public void Drop(Tensor x, double probability, ulong seed, Tensor y, bool accumulate = false)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor kept = SeededDraws.Ones(empty(x.shape, dtype: x.dtype, device: x.device), 1 - probability, seed);
        double factor = 1 / (1 - probability);
        if (accumulate)
        {
            y.AddProduct(x, kept, factor);
            return;
        }

        ResultInto.Product(y, x, kept);
        y.Multiply(factor);
    }

    /// <summary>dx, wide where formulas make it.</summary>
    private Tensor NormGradient(Tensor x, NormWeight weight, NormState state, Tensor dy) =>
        state.Mean is not null ? LayerNormCall.Gradient(x, weight, state, dy)
        : HasNorm(x) ? FusedGradient(x, weight, state.Scale, dy)
        : WideGradient(x, weight.Wide, state.Scale, dy);

    /// <summary>scale (w dy - n mean(w dy n)) with n = x scale, as formulas.</summary>
    private static Tensor WideGradient(Tensor x, Tensor weight, Tensor scale, Tensor dy)
    {
        Tensor factor = scale.view([.. x.shape[..^1], 1]); // [..., 1]
        Tensor normal = x.to(weight.dtype).mul(factor);
        Tensor gradient = dy.to(weight.dtype).mul(weight);
        return gradient.sub(normal.mul(gradient.mul(normal).mean([-1], keepdim: true))).mul_(factor);
    }

    private static Tensor FusedGradient(Tensor x, NormWeight weight, Tensor scale, Tensor dy)
    {
        // The operator has one weight for all rows; heads with weights of their own are multiplied before.
        bool isOne = weight.Wide.dim() == 1;
        return Dispatcher.Call(
            "aten::_fused_rms_norm_backward",
            "",
            results: 2,
            tensors: 2,
            isOne ? dy : dy.mul_(weight.Rounded),
            x,
            OperatorArgument.List(x.shape[^1]),
            scale,
            isOne ? OperatorArgument.Some(weight.Rounded) : OperatorArgument.None,
            OperatorArgument.List(true, false))[0]; // the weight is frozen
    }

    private bool HasNorm(Tensor x) => whole.Has(OperatorNeeds.FusedNorm, x.dtype, x.device);

    private static bool IsProcessor(Device device) => device.type == DeviceType.CPU;

    private static ScalarType Wide(Tensor tensor) => tensor.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
}
