using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// The ways from tokens that lie end to end to the rows of a <see cref="RowLayout"/> and back, and which keys each query sees there: of one step, for all its blocks.
/// </summary>
internal sealed class PackedRows
{
    private readonly RowPlan plan;
    private readonly List<int?> windows;
    private readonly Tensor masks; // [windows, rows, columns, columns]

    /// <param name="plan">Where documents lie.</param>
    /// <param name="numbers">Its numbers, on the device.</param>
    /// <param name="type">Of the activations.</param>
    public PackedRows(RowPlan plan, IReadOnlyList<Tensor> numbers, ScalarType type)
    {
        this.plan = plan;
        windows = [.. plan.Windows];
        All = (numbers[0], numbers[1]);
        Queries = (numbers[2], numbers[3]);

        // Keys from the first that is seen to the query itself; the logarithm of 1 and 0 is what is added to scores, 0 and minus infinity.
        masks = empty([windows.Count, Rows, Columns, Columns], dtype: type, device: numbers[0].device);
        ResultInto.IsAtLeast(masks, numbers[5], numbers[4].view(windows.Count, Rows, Columns, 1));
        masks.tril_().log_();
    }

    /// <summary>How many rows there are.</summary>
    public int Rows => plan.Rows;

    /// <summary>How long each is.</summary>
    public int Columns => plan.Columns;

    /// <summary>
    /// For heads of q, v and k: which of [tokens (heads + 2 kvHeads)] lies at each place of q's [kvHeads, rows, group, columns], then v's [kvHeads, rows, columns],
    /// then k's; and which of those is each of the first.
    /// </summary>
    public (Tensor IntoRows, Tensor Back) All { get; }

    /// <summary>The same for heads of q alone, [tokens heads] and [kvHeads, rows, group, columns].</summary>
    public (Tensor IntoRows, Tensor Back) Queries { get; }

    /// <summary>All tensors.</summary>
    public IEnumerable<Tensor> Tensors => [masks, All.IntoRows, All.Back, Queries.IntoRows, Queries.Back];

    /// <summary>What is added to scores: 0 where a query sees a key, and minus infinity elsewhere, [rows, 1, columns, columns].</summary>
    /// <param name="window">How many keys a query sees, itself included; null for all before it.</param>
    public Tensor Mask(int? window)
    {
        // One that is longer than any document is none.
        int found = windows.IndexOf(window);
        return masks.select(0, found < 0 ? windows.IndexOf(null) : found).unsqueeze(1);
    }

    /// <summary>Bytes of the ways there and back for documents of these lengths, and of one mask.</summary>
    public static (long Ways, long Mask) Bytes(IReadOnlyList<int> lengths, AttentionHeads shape, int elementSize)
    {
        RowLayout layout = new(lengths);
        long tokens = lengths.Sum(length => (long)length);
        long places = (long)layout.Rows * layout.Columns;
        long heads = (2L * shape.Heads) + (2L * shape.KeyValueHeads);
        return (sizeof(long) * (heads * (tokens + places)), places * layout.Columns * elementSize);
    }
}
