using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// Causal attention within each of many documents that lie end to end, softmax(cap(factor q kᵀ)) v, over a whole batch at once. The query heads of a group share
/// a key/value head.
/// </summary>
internal interface IAttention
{
    /// <summary>What mixes the values, and why nothing quicker does; null where there is no choice.</summary>
    string? Way { get; }

    /// <summary>Whether q, k, v and what was mixed have to stay as they are until the backward pass; if not, the state has what it needs.</summary>
    bool KeepsInputs { get; }

    /// <summary>Whether what was mixed is part of the state, whichever place it was to go to; the backward pass may write over it.</summary>
    bool KeepsMixed => KeepsInputs;

    /// <summary>The heads whose documents it lays into rows; null where it does not.</summary>
    AttentionHeads? Laid => null;

    /// <summary>In how many slices its heads can be taken at the most; 1 where that saves nothing.</summary>
    int MostSlices => 1;

    /// <summary>In how many they are taken, one after the other: as many launches for each, and a slice's share of the pairs of tokens in memory at once.</summary>
    int Slices
    {
        get => 1;
        set => _ = value;
    }

    /// <summary>Mixes values.</summary>
    /// <param name="heads">q, k and v, rotated.</param>
    /// <param name="documents">Where each document lies.</param>
    /// <param name="place">Where the state goes.</param>
    /// <param name="mixedPlace">Where the result goes.</param>
    /// <param name="keepsProbabilities">Whether probabilities are part of the state, where they are ever there.</param>
    /// <returns>[tokens, heads, headSize] and the state.</returns>
    (Tensor Mixed, AttentionState State) Forward(HeadParts heads, DocumentPlaces documents, TensorStack place, TensorStack mixedPlace, bool keepsProbabilities);

    /// <summary>Writes the gradients of q, k and v.</summary>
    /// <param name="dMixed">[tokens, heads, headSize].</param>
    /// <param name="heads">Of the forward pass; not read where the state has what is needed.</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="documents">Where each document lies.</param>
    /// <param name="gradients">Written.</param>
    void Backward(Tensor dMixed, HeadParts heads, AttentionState state, DocumentPlaces documents, HeadParts gradients);

    /// <summary>The bytes that documents of these lengths take.</summary>
    /// <param name="lengths">Tokens of each.</param>
    /// <param name="slices">In how many slices heads are taken.</param>
    AttentionBytes Bytes(IReadOnlyList<int> lengths, int slices);
}

/// <summary>The shape of one block's attention.</summary>
/// <param name="Heads">Heads of q.</param>
/// <param name="KeyValueHeads">Heads of k and v; divides those of q.</param>
/// <param name="HeadSize">Values of a head.</param>
/// <param name="Window">How many keys a query sees, itself included; null for all before it.</param>
/// <param name="Factor">What scores are multiplied by.</param>
internal sealed record AttentionHeads(int Heads, int KeyValueHeads, int HeadSize, int? Window, double Factor)
{
    /// <summary>What scores are kept below by cap · tanh(score / cap); null for no cap.</summary>
    public double? Cap { get; init; }

    /// <summary>Heads of q that share one of k and v.</summary>
    public int Group => Heads / KeyValueHeads;

    /// <summary>Values of q of a token.</summary>
    public long Queries => (long)Heads * HeadSize;

    /// <summary>Values of k of a token.</summary>
    public long Keys => (long)KeyValueHeads * HeadSize;
}

/// <summary>q [tokens, heads, headSize], k and v [tokens, kvHeads, headSize], or their gradients; slices of one tensor, most often.</summary>
internal readonly record struct HeadParts(Tensor Query, Tensor Key, Tensor Value)
{
    /// <summary>All as one, [tokens, heads + 2 kvHeads, headSize], contiguous; null where they do not lie side by side. Gradients that are written always do.</summary>
    public Tensor? All { get; init; }
}

/// <summary>The documents of a batch, end to end.</summary>
/// <param name="Places">First token and length of each.</param>
/// <param name="Ends">The first token of each and, last, the number of all, [documents + 1], int32, on the device.</param>
/// <param name="Windows">Those of all blocks (<see cref="AttentionHeads.Window"/>), each once.</param>
internal sealed record DocumentPlaces(IReadOnlyList<(int Start, int Length)> Places, Tensor Ends, IReadOnlyList<int?> Windows)
{
    private readonly Dictionary<((int, int) Heads, ScalarType), PackedRows> rows = [];

    /// <summary>Tokens of the longest.</summary>
    public int Longest { get; } = Places.Max(place => place.Length);

    /// <summary>The same documents in rows, made once for all blocks of such heads; there as long as <see cref="Ends"/>.</summary>
    public PackedRows Rows(AttentionHeads shape, ScalarType type)
    {
        if (rows.TryGetValue(((shape.Heads, shape.KeyValueHeads), type), out PackedRows? found))
        {
            return found;
        }

        using DisposeScope scope = NewDisposeScope();
        RowPlan plan = new(Places, Windows, shape);
        return Lay(plan, DeviceIndex.Of(plan.Numbers, Ends.device), type);
    }

    /// <summary>Has them in rows for all blocks of the plan's heads, by numbers that have come to the device already.</summary>
    /// <param name="plan">Where they lie in rows.</param>
    /// <param name="numbers">Its numbers.</param>
    /// <param name="type">Of the activations.</param>
    public PackedRows Lay(RowPlan plan, IReadOnlyList<Tensor> numbers, ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        PackedRows made = new(plan, numbers, type);
        foreach (Tensor tensor in made.Tensors)
        {
            tensor.MoveToOtherDisposeScope(Ends);
        }

        rows.Add((plan.Heads, type), made);
        return made;
    }
}
