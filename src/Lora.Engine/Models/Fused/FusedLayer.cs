using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// One decoder block with its adapters, forward and backward, without a graph: x += o(s attention(qkv(norm x))); x += down(s activation(gate) · up) of
/// norm x, in some families both of the same x; s is the residual scale, 1 in most, and in some both are normalised before they are added, also instead of
/// what they are given.
/// </summary>
internal sealed class FusedLayer : IDisposable
{
    private readonly FusedLayerWeights weights;
    private readonly FusedBlock block;
    private readonly FusedMlp mlp;
    private readonly double residualScale;
    private readonly FusedAttention attention;
    private readonly FusedNorm inputNorm;
    private readonly FusedNorm attentionOutputNorm;
    private readonly FusedNorm middleNorm;
    private readonly FusedNorm mlpOutputNorm;
    private readonly AdaptedProduct queryKeyValue;
    private readonly AdaptedProduct output;
    private readonly AdaptedProduct gateUp;
    private readonly AdaptedProduct down;
    private readonly TensorStack scratch;

    /// <param name="weights">The frozen weights.</param>
    /// <param name="adapter">The factors of adapted modules, by their names.</param>
    /// <param name="kernels">For the weights' device and dtype.</param>
    /// <param name="scratch">For what a pass makes.</param>
    /// <param name="working">The trained values in the weights' dtype; null for copies.</param>
    public FusedLayer(
        FusedLayerWeights weights,
        IReadOnlyDictionary<string, LowRankFactors> adapter,
        IKernels kernels,
        TensorStack scratch,
        IReadOnlyDictionary<Tensor, WorkingValues>? working = null)
    {
        this.weights = weights;
        this.scratch = scratch;
        block = weights.Block;
        residualScale = block.ResidualScale;
        attention = new(weights, kernels, scratch);
        (inputNorm, attentionOutputNorm) = (Norm(weights.InputNorm), Norm(weights.AttentionOutputNorm));
        (middleNorm, mlpOutputNorm) = (block.SharesNorm ? inputNorm : Norm(weights.MiddleNorm), Norm(weights.MlpOutputNorm));
        queryKeyValue = Product(weights.QueryKeyValue, weights.QueryKeyValueNames);
        output = Product(weights.Output, weights.OutputNames);
        gateUp = Product(weights.GateUp, weights.GateUpNames);
        down = Product(weights.Down, weights.DownNames);
        mlp = new(weights, gateUp, down, kernels, scratch);
        Memory = new(weights, attention, kernels, LayerRanks.Of(queryKeyValue, output, gateUp, down));

        FusedNorm Norm(NormWeight? weight) => new(weight, weights.Epsilon, kernels);

        AdaptedProduct Product(JoinedWeights frozen, IReadOnlyList<string> names) =>
            new(frozen, [.. names.Select(name => adapter.GetValueOrDefault(name))], kernels, scratch, alignment: null, working);
    }

    /// <summary>Whether any module of the block is adapted.</summary>
    public bool IsAdapted => Products.Any(product => product.IsAdapted);

    /// <summary>What computes its attention, and why nothing quicker does; null where there is no choice.</summary>
    public string? AttentionWay => attention.Way;

    /// <summary>The heads whose documents its attention lays into rows; null where it does not.</summary>
    public AttentionHeads? Laid => attention.Laid;

    /// <inheritdoc cref="FusedAttention.MixesPastByFormula"/>
    public bool MixesPastByFormula => attention.MixesPastByFormula;

    /// <summary>In how many slices the heads of its attention are taken.</summary>
    public int AttentionSlices
    {
        set => attention.Slices = value;
    }

    /// <summary>What its tensors take.</summary>
    public LayerMemory Memory { get; }

    private IEnumerable<AdaptedProduct> Products => [queryKeyValue, output, gateUp, down];

    /// <summary>Tells of the inputs of adapted products in each forward pass, with the names of the layers that share one.</summary>
    public void Watch(Action<IReadOnlyList<string>, Tensor> onInput)
    {
        foreach ((AdaptedProduct product, IReadOnlyList<string> names) in Products.Zip([weights.QueryKeyValueNames, weights.OutputNames, weights.GateUpNames, weights.DownNames]))
        {
            product.OnInput = product.IsAdapted ? x => onInput(names, x) : null;
        }
    }

    /// <summary>Takes over the trained values as they are now.</summary>
    public void Refresh() => Products.ToList().ForEach(product => product.Refresh());

    /// <summary>The block's output.</summary>
    /// <param name="x">[tokens, hidden].</param>
    /// <param name="step">What the blocks share.</param>
    /// <param name="kept">What the backward pass finds.</param>
    /// <param name="states">Where that goes, and the output.</param>
    /// <returns>[tokens, hidden] and the state; null when it is not kept.</returns>
    public (Tensor Output, LayerState? State) Forward(Tensor x, StepContext step, Kept kept, TensorStack states)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        bool isKept = kept >= Kept.Products;

        // What is not kept is made all the same, and goes when the pass ends.
        TensorStack place = isKept ? states : scratch;
        (LayerState state, Tensor active, Tensor sum) = BeforeDown(x, step, place, kept);

        // Above the state: only the block above reads it, which is through before this block's backward pass begins.
        Tensor output = states.Take(x.dtype, x.shape);
        state = AddDown(active, state, sum, output, place);
        return (output, isKept ? state : null);
    }

    /// <summary>Makes the block's output of its input, where no backward pass follows.</summary>
    /// <param name="x">[tokens, hidden]; becomes the output, or its last row does (<see cref="StepContext.IsLastAlone"/>).</param>
    /// <param name="step">What the blocks share.</param>
    public void Forward(Tensor x, StepContext step)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        (LayerState state, Tensor active, Tensor sum) = BeforeDown(x, step, scratch, Kept.Nothing);
        AddDown(active, state, sum, step.IsLastAlone ? Last(x) : x, scratch);
    }

    /// <summary>Computes again what was not kept.</summary>
    /// <param name="x">The block's input, [tokens, hidden].</param>
    /// <param name="step">What the blocks share.</param>
    /// <param name="place">Where it goes.</param>
    /// <returns>The state.</returns>
    public LayerState Recompute(Tensor x, StepContext step, TensorStack place)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        (LayerState state, Tensor active, _) = BeforeDown(x, step, place, Kept.All);

        // Nobody reads the block's output any more: without a norm behind it B's gradient only asks for x Aᵀ.
        return !mlpOutputNorm.IsThere ? state with { DownState = down.Again(active, place) } : DownAndNorm(active, state, place).State;
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

        // From the block's output down, a gradient is taken as far as something at or below that place learns.
        bool needsMixed = needsInput || queryKeyValue.IsAdapted;
        bool needsAttention = needsMixed || output.IsAdapted;
        bool needsMiddle = block.IsParallel ? needsInput : needsAttention;

        // At the residual the gradient splits: it stays as it is for the sum, and what comes through the MLP, then through attention, is added to it. Where both
        // saw the same, what comes through the MLP waits until attention has read the gradient.
        Tensor? waiting = block.IsParallel && needsInput ? Like(gradient) : null; // [tokens, hidden]
        BackwardMlp(gradient, state.Middle ?? x, state, needsMiddle, waiting);
        if (needsAttention)
        {
            BackwardAttention(gradient, x, state, step, needsMixed, needsInput, waiting);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Products.ToList().ForEach(product => product.Dispose());

    private static Tensor Last(Tensor rows) => rows.narrow(0, rows.shape[0] - 1, 1);

    /// <param name="gradient">At the block's output, [tokens, hidden]; what comes through the MLP is added where it need not wait.</param>
    /// <param name="seen">What the MLP's norm was given, [tokens, hidden].</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="needsSeen">Whether something at or below it learns.</param>
    /// <param name="waiting">Where the gradient at what that norm gave goes; null to take it through the norm at once.</param>
    private void BackwardMlp(Tensor gradient, Tensor seen, LayerState state, bool needsSeen, Tensor? waiting)
    {
        using TensorStack.Pass pass = scratch.Begin();
        Tensor branch = mlpOutputNorm.Backward(gradient, state.MlpOutput, scratch); // [tokens, hidden]
        if (mlp.Backward(branch, state, needsSeen || gateUp.IsAdapted) is not Tensor dGates)
        {
            return;
        }

        Tensor? dNormal = waiting ?? (needsSeen ? Like(gradient) : null); // [tokens, hidden]
        gateUp.Backward(dGates, state.MiddleNormal ?? (block.SharesNorm ? state.Normal : null) ?? Again(gateUp, middleNorm, seen), state.GateUpState, dNormal);
        if (waiting is null)
        {
            // To the gradient: the other term, of the residual, is in it already.
            middleNorm.AddBackward(seen, state.MiddleNorm, dNormal, gradient);
        }
    }

    private void BackwardAttention(Tensor gradient, Tensor x, LayerState state, StepContext step, bool needsMixed, bool needsInput, Tensor? waiting)
    {
        Tensor branch = attentionOutputNorm.Backward(gradient, state.AttentionOutput, scratch); // [tokens, hidden]
        if (!needsMixed)
        {
            output.Backward(branch, state.Mixed?.flatten(1), state.OutputState, dx: null);
            return;
        }

        Tensor dQkv = scratch.Take(gradient.dtype, gradient.shape[0], weights.QueryKeyValue.Shape[0]); // [tokens, (heads + 2 kvHeads) headSize]

        // The same order as in the MLP: what attention makes is let go before dNormal needs the room.
        using (scratch.Begin())
        {
            Tensor dMixed = scratch.Take(gradient.dtype, gradient.shape[0], weights.Output.Shape[1]); // [tokens, heads headSize]
            output.Backward(branch, state.Mixed?.flatten(1), state.OutputState, dMixed);
            Scale(dMixed);
            attention.Backward(dMixed, state.Attention, step, dQkv);
        }

        Tensor dProduct = attention.ToLayer(dQkv);
        Tensor? dNormal = needsInput ? Like(gradient) : null; // [tokens, hidden]

        // The block's input is not in the state: it is the output of the block below, which the step has.
        queryKeyValue.Backward(dProduct, state.Normal ?? Again(queryKeyValue, inputNorm, x), state.QueryKeyValueState, dNormal);
        if (waiting is not null && block.SharesNorm)
        {
            dNormal!.Add(waiting); // one norm, and one way back through it
        }
        else if (waiting is not null)
        {
            middleNorm.AddBackward(x, state.MiddleNorm, waiting, gradient);
        }

        inputNorm.AddBackward(x, state.InputNorm, dNormal, gradient);
    }

    /// <summary>The forward pass up to the last product, with the sum that this is added to; what is part of the state is in its place.</summary>
    private (LayerState State, Tensor Active, Tensor Sum) BeforeDown(Tensor x, StepContext step, TensorStack place, Kept kept)
    {
        TensorStack quick = kept == Kept.Products ? scratch : place; // what is made again from what products gave
        bool isRead = queryKeyValue.IsAdapted || (block.SharesNorm && gateUp.IsAdapted);
        (Tensor normal, NormState? inputState) = inputNorm.Forward(x, isRead ? quick : scratch, place); // [tokens, hidden]
        (Tensor qkv, ProductState? qkvState) = attention.Project(queryKeyValue, normal, place);
        (Tensor mixed, FusedAttentionState attended) = attention.Forward(qkv, step, place, PlaceOf(output, place), keepsProbabilities: kept == Kept.All); // [tokens, heads, headSize]
        if (step.IsLastAlone)
        {
            (x, mixed, normal) = (Last(x), Last(mixed), Last(normal));
        }

        mixed = ScaledMixed(mixed, place);

        // Without a norm behind it the residual goes into o_proj: the product needs no tensor of its own for the sum.
        Tensor middle = (block.IsParallel ? scratch : place).Take(x.dtype, x.shape); // [tokens, hidden]
        ProductState? outputState = output.Forward(mixed.flatten(1), middle, place, residual: attentionOutputNorm.IsThere ? null : x); // x + attention
        (Tensor, NormState)? attentionOutput = null;
        if (attentionOutputNorm.IsThere)
        {
            (Tensor normalised, NormState? normState) = attentionOutputNorm.Forward(middle, place, place);
            attentionOutput = (middle, normState!);
            normalised.Add(x); // x + norm attention
            middle = normalised;
        }

        (Tensor middleNormal, NormState? middleState) = block.SharesNorm
            ? (normal, null)
            : middleNorm.Forward(block.IsParallel ? x : middle, PlaceOf(gateUp, quick), place); // [tokens, hidden]

        (Tensor? gates, ProductState? gateUpState, Tensor active) = mlp.Forward(middleNormal, place, PlaceOf(down, quick));
        LayerState state = new()
        {
            InputNorm = inputState,
            // Inputs of products that nothing adapts: no gradient of a weight asks for them. Nor are inputs without a norm, which are there already, part of it.
            Normal = kept != Kept.Products && isRead && inputState is not null ? normal : null,
            QueryKeyValueState = qkvState,
            Attention = attended,
            Mixed = output.IsAdapted ? mixed : null,
            OutputState = outputState,
            AttentionOutput = attentionOutput,
            Middle = block.IsParallel ? null : middle,
            MiddleNorm = middleState,
            MiddleNormal = IsState(gateUp) && middleState is not null ? middleNormal : null,
            GateUpState = gateUpState,
            GateUp = gates,
            Active = IsState(down) ? active : null,
        };
        return (state, active, middle);

        bool IsState(AdaptedProduct reader) => kept != Kept.Products && reader.IsAdapted;
    }

    /// <summary>Writes the sum with attention and the last product.</summary>
    private LayerState AddDown(Tensor active, LayerState state, Tensor sum, Tensor result, TensorStack place)
    {
        if (!mlpOutputNorm.IsThere)
        {
            return state with { DownState = down.Forward(active, result, place, residual: sum) };
        }

        (LayerState found, Tensor normal) = DownAndNorm(active, state, place);
        ScaledInto.Sum(result, sum, normal);
        return found;
    }

    /// <summary>The last product with the norm behind it, [tokens, hidden].</summary>
    private (LayerState State, Tensor Normal) DownAndNorm(Tensor active, LayerState state, TensorStack place)
    {
        Tensor value = place.Take(active.dtype, active.shape[0], weights.Down.Shape[0]); // [tokens, hidden]
        ProductState? product = down.Forward(active, value, place);
        (Tensor normal, NormState? found) = mlpOutputNorm.Forward(value, scratch, place);
        return (state with { DownState = product, MlpOutput = (value, found!) }, normal);
    }

    /// <summary>What was mixed times the branch's scale; attention's backward pass may ask for the unscaled.</summary>
    private Tensor ScaledMixed(Tensor mixed, TensorStack place)
    {
        if (residualScale != 1 && attention.KeepsInputs)
        {
            return PlaceOf(output, place).Adopt(mixed.Times(residualScale));
        }

        Scale(mixed);
        return mixed;
    }

    /// <summary>Multiplies what goes into the last layer of a branch, or the gradient that comes out of it, by the scale that the branch has.</summary>
    private void Scale(Tensor values)
    {
        if (residualScale != 1)
        {
            values.Multiply(residualScale);
        }
    }

    private Tensor Like(Tensor tensor) => scratch.Take(tensor.dtype, tensor.shape);

    /// <summary>Where the input of a product goes: what only frozen weights read is not kept.</summary>
    private TensorStack PlaceOf(AdaptedProduct reader, TensorStack place) => reader.IsAdapted ? place : scratch;

    /// <summary>The input of a product whose A learns from it, made again.</summary>
    private Tensor? Again(AdaptedProduct reader, FusedNorm norm, Tensor x) => reader.IsAdapted ? norm.Forward(x, scratch, scratch).Normal : null;
}
