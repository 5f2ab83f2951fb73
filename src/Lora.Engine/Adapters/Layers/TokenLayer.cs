using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Rows of an embedding's table or of a head that are trained whole, one for each of some tokens (PEFT's trainable_token_indices): all other rows stay
/// the base's. A head that shares the embedding's weight has a layer of its own over the same values.
/// </summary>
internal sealed class TokenLayer : AdaptedLayer
{
    /// <summary>The tensor's name below the module's.</summary>
    public const string Key = "token_adapter.trainable_tokens_delta";

    private readonly TrainableParameter rows;
    private readonly int[] indices;
    private readonly bool isHead;
    private readonly bool begins;
    private Tensor? ids;
    private Tensor? slots;
    private Tensor? own;

    /// <param name="name">The dotted name of the module.</param>
    /// <param name="module">An embedding, or a linear layer over the vocabulary.</param>
    /// <param name="indices">The tokens' ids.</param>
    /// <param name="isHead">Whether the module gives a logit for each token; else a row.</param>
    /// <param name="arena">Where the values live.</param>
    /// <param name="shared">The layer whose values these are too; null for values of its own.</param>
    public TokenLayer(string name, nn.Module<Tensor, Tensor> module, IReadOnlyList<int> indices, bool isHead, ParameterArena arena, TokenLayer? shared = null)
        : base(name, module)
    {
        this.indices = [.. indices];
        this.isHead = isHead;
        begins = shared is null;
        SwitchName = shared?.Name ?? name;
        rows = shared?.rows ?? arena.Reserve(PeftKey.Of(name, Key), indices.Count, Module.BaseValue("weight")!.shape[1]);
    }

    /// <inheritdoc/>
    public override string SwitchName { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ChangedParameters => ["weight"];

    /// <summary>The values begin as the base's rows.</summary>
    public override void Initialize(Generator generator)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor table = Module.BaseValue("weight")!;
        long count = table.shape[0];
        long[] places = [.. Enumerable.Repeat((long)indices.Length, (int)count)];
        for (int slot = 0; slot < indices.Length; slot++)
        {
            places[indices[slot]] = slot;
        }

        ids = DeviceIndex.Of([.. indices.Select(index => (long)index)], table.device).DetachFromDisposeScope();
        slots = isHead ? null : DeviceIndex.Of(places, table.device).DetachFromDisposeScope(); // [rows]; what is not trained has the place behind all
        own = table.index_select(0, ids).to(ScalarType.Float32).DetachFromDisposeScope(); // [tokens, width]
        if (begins)
        {
            rows.Value.copy_(own);
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<WeightChange> Changes() => [new RowChange("weight", rows.Value, ids!)];

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        ids?.Dispose();
        slots?.Dispose();
        own?.Dispose();
    }

    /// <inheritdoc/>
    protected override Tensor? ChangeOf(Tensor input, Tensor output)
    {
        Tensor change = rows.Value - own!; // [tokens, width]
        if (isHead)
        {
            Tensor logits = nn.functional.linear(input.to(ScalarType.Float32), change); // [..., tokens]
            return zeros(output.shape, dtype: ScalarType.Float32, device: output.device).index_copy(-1, ids!, logits); // [..., vocabulary]
        }

        Tensor padded = cat([change, zeros([1, change.shape[1]], dtype: ScalarType.Float32, device: change.device)]); // [tokens + 1, width]
        return padded.index_select(0, slots!.index_select(0, input.flatten())).view(output.shape);
    }
}

/// <summary>Rows in place of a weight's own.</summary>
/// <param name="Name">The parameter's name in its module.</param>
/// <param name="Rows">The rows, float32.</param>
/// <param name="Ids">Their places.</param>
internal sealed record RowChange(string Name, Tensor Rows, Tensor Ids) : WeightChange(Name, Rows)
{
    /// <summary>What others changed of these rows stays on top; with no others they are the very values.</summary>
    public override Tensor AddedTo(Tensor sum, Tensor own) =>
        sum.index_copy(0, Ids, Rows.Plus(sum.index_select(0, Ids) - own.index_select(0, Ids)));
}
