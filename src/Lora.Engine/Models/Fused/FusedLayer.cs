using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// One decoder block with its adapters, forward and backward, without a graph: x += o(attention(qkv(norm x))); x += down(activation(gate) · up) of norm x.
/// </summary>
internal sealed class FusedLayer : IDisposable
{
    private readonly FusedLayerWeights weights;
    private readonly IKernels kernels;
    private readonly GateActivation activation;
    private readonly FusedAttention attention;
    private readonly AdaptedProduct queryKeyValue;
    private readonly AdaptedProduct output;
    private readonly AdaptedProduct gateUp;
    private readonly AdaptedProduct down;
    private readonly Scratch scratch;

    /// <param name="weights">The frozen weights.</param>
    /// <param name="config">The model's shape.</param>
    /// <param name="layer">The block's number.</param>
    /// <param name="adapter">The factors of adapted modules, by their names.</param>
    /// <param name="kernels">For the weights' device and dtype.</param>
    /// <param name="scratch">For what a pass makes.</param>
    public FusedLayer(FusedLayerWeights weights, DecoderConfig config, int layer, IReadOnlyDictionary<string, LowRankFactors> adapter, IKernels kernels, Scratch scratch)
    {
        this.weights = weights;
        this.kernels = kernels;
        this.scratch = scratch;
        activation = config.Activation;
        attention = new(weights, config, layer, kernels, scratch);
        queryKeyValue = Product(weights.QueryKeyValue, weights.Names.QueryKeyValue);
        output = Product(weights.Output, weights.Names.Output);
        gateUp = Product(weights.GateUp, weights.Names.GateUp);
        down = Product(weights.Down, weights.Names.Down);
        Memory = new(weights, config, layer, new(queryKeyValue.Rank, output.Rank, gateUp.Rank, down.Rank, Products.Any(product => product.HasDropout)));

        AdaptedProduct Product(JoinedWeights frozen, string[] names) =>
            new(frozen, [.. names.Select(name => adapter.GetValueOrDefault(weights.Prefix + name))], kernels);
    }

    /// <summary>Whether any module of the block is adapted.</summary>
    public bool IsAdapted => Products.Any(product => product.IsAdapted);

    /// <summary>What its tensors take.</summary>
    public LayerMemory Memory { get; }

    private IEnumerable<AdaptedProduct> Products => [queryKeyValue, output, gateUp, down];

    /// <summary>Takes over the trained values as they are now.</summary>
    public void Refresh() => Products.ToList().ForEach(product => product.Refresh());

    /// <summary>The block's output.</summary>
    /// <param name="x">[tokens, hidden].</param>
    /// <param name="step">What the blocks share.</param>
    /// <param name="kept">What the backward pass finds.</param>
    /// <param name="place">Where that goes, and the output on top of it.</param>
    /// <returns>[tokens, hidden], in its place or the caller's scope, and the state; null when it is not kept.</returns>
    public (Tensor Output, LayerState? State) Forward(Tensor x, StepContext step, Kept kept, ITensorPlace place)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        bool isKept = kept >= Kept.AllButProbabilities;
        ITensorPlace statePlace = isKept ? place : scratch;
        (LayerState state, Tensor active) = BeforeDown(x, step, statePlace, keepsProbabilities: kept == Kept.All);
        (Tensor y, Tensor? downLow) = down.Forward(active, statePlace); // [tokens, hidden]
        Tensor output = place.Adopt(y.Add(state.Middle));
        return (output.MoveToOuterDisposeScope(), isKept ? state with { DownLow = downLow } : null);
    }

    /// <summary>The block's output, [tokens, hidden] in the caller's scope, where no backward pass follows.</summary>
    /// <param name="x">[tokens, hidden].</param>
    /// <param name="step">What the blocks share.</param>
    public Tensor Forward(Tensor x, StepContext step) => Forward(x, step, Kept.Nothing, scratch).Output;

    /// <summary>Computes again what was not kept.</summary>
    /// <param name="x">The block's input, [tokens, hidden].</param>
    /// <param name="step">What the blocks share.</param>
    /// <param name="place">Where it goes.</param>
    /// <returns>The state.</returns>
    public LayerState Recompute(Tensor x, StepContext step, ITensorPlace place)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        (LayerState state, Tensor active) = BeforeDown(x, step, place, keepsProbabilities: true);
        return state with { DownLow = down.Reduce(active, place) };
    }

    /// <summary>Adds up the adapters' gradients. No gradient is taken where nothing before it learns.</summary>
    /// <param name="gradient">At the block's output, [tokens, hidden]; becomes the one at its input when that is needed.</param>
    /// <param name="x">The block's input, [tokens, hidden].</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="step">What the blocks share.</param>
    /// <param name="needsInput">Whether a block below learns.</param>
    public void Backward(Tensor gradient, Tensor x, LayerState state, StepContext step, bool needsInput)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        bool needsMixed = needsInput || queryKeyValue.IsAdapted;
        bool needsMiddle = needsMixed || output.IsAdapted;
        bool needsActive = needsMiddle || gateUp.IsAdapted;

        if (down.Backward(gradient, state.Active, state.DownLow, needsActive) is not Tensor dActive)
        {
            return;
        }

        Tensor dGates = scratch.Take(gradient.dtype, state.GateUp.shape); // [tokens, 2 intermediate]
        kernels.GateBackward(activation, state.GateUp, dActive, dGates);
        dActive.Dispose();
        if (gateUp.Backward(dGates, state.MiddleNormal, state.GateUpLow, needsMiddle) is not Tensor dMiddleNormal)
        {
            return;
        }

        kernels.NormBackward(state.Middle, weights.MiddleNorm, state.MiddleScale, dMiddleNormal, gradient, accumulate: true);
        dMiddleNormal.Dispose();
        if (output.Backward(gradient, state.Mixed, state.OutputLow, needsMixed) is not Tensor dMixed)
        {
            return;
        }

        Tensor dQkv = attention.Backward(dMixed, state.Attention, step); // [tokens, (heads + 2 kv) d]
        dMixed.Dispose();
        if (queryKeyValue.Backward(dQkv, state.Normal, state.QueryKeyValueLow, needsInput) is Tensor dNormal)
        {
            kernels.NormBackward(x, weights.InputNorm, state.InputScale, dNormal, gradient, accumulate: true);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Products.ToList().ForEach(product => product.Dispose());

    /// <summary>The forward pass up to the last product; everything is in the caller's scope, and what is part of the state in its place.</summary>
    private (LayerState State, Tensor Active) BeforeDown(Tensor x, StepContext step, ITensorPlace place, bool keepsProbabilities)
    {
        (Tensor normal, Tensor scale) = Norm(x, weights.InputNorm, queryKeyValue, place); // [tokens, hidden]
        (Tensor qkv, Tensor? qkvLow) = queryKeyValue.Forward(normal, place); // [tokens, (heads + 2 kv) d]
        Tensor mixed = PlaceOf(output, place).Take(x.dtype, x.shape[0], weights.Output.Shape[1]); // [tokens, heads d]
        AttentionState attended = attention.Forward(qkv, mixed, step, place, keepsProbabilities);
        qkv.Dispose(); // its values are in the state
        (Tensor change, Tensor? outputLow) = output.Forward(mixed, place);
        Tensor middle = place.Adopt(change.Add(x)); // [tokens, hidden]

        (Tensor middleNormal, Tensor middleScale) = Norm(middle, weights.MiddleNorm, gateUp, place); // [tokens, hidden]
        (Tensor gateAndUp, Tensor? gateUpLow) = gateUp.Forward(middleNormal, place);
        Tensor gates = place.Adopt(gateAndUp); // [tokens, 2 intermediate]
        Tensor active = PlaceOf(down, place).Take(x.dtype, x.shape[0], gates.shape[1] / 2); // [tokens, intermediate]
        kernels.GateForward(activation, gates, active);
        LayerState state = new()
        {
            InputScale = scale,
            Normal = queryKeyValue.IsAdapted ? normal : null,
            QueryKeyValueLow = qkvLow,
            Attention = attended,
            Mixed = output.IsAdapted ? mixed : null,
            OutputLow = outputLow,
            Middle = middle,
            MiddleScale = middleScale,
            MiddleNormal = gateUp.IsAdapted ? middleNormal : null,
            GateUpLow = gateUpLow,
            GateUp = gates,
            Active = down.IsAdapted ? active : null,
        };
        return (state, active);
    }

    /// <summary>Where the input of a product goes: what only frozen weights read is not kept.</summary>
    private ITensorPlace PlaceOf(AdaptedProduct reader, ITensorPlace place) => reader.IsAdapted ? place : scratch;

    private (Tensor Normal, Tensor Scale) Norm(Tensor x, Tensor weight, AdaptedProduct reader, ITensorPlace place)
    {
        Tensor normal = PlaceOf(reader, place).Take(x.dtype, x.shape);
        Tensor scale = place.Take(weight.dtype, x.shape[0]);
        kernels.NormForward(x, weight, weights.Epsilon, normal, scale);
        return (normal, scale);
    }
}
