namespace Lora.Models;

/// <summary>Where a step has its values: those that all threads share, a row for each text, and those that each thread has for itself.</summary>
internal sealed unsafe class StepBuffers : IDisposable
{
    private readonly List<FloatMemory> memory = [];

    /// <param name="shape">The model.</param>
    /// <param name="block">One of its blocks, which are of one size.</param>
    /// <param name="ranks">Values of x Aᵀ in the widest product.</param>
    /// <param name="rows">Texts.</param>
    /// <param name="workers">Threads.</param>
    /// <param name="places">Of the longest text.</param>
    public StepBuffers(ModelShape shape, FusedBlock block, int ranks, int rows, int workers, int places)
    {
        (Rows, Places) = (rows, places);
        long intermediate = ((GatedMlpShape)block.Mlp).IntermediateSize, queries = block.Attention.QueryWidth, keys = block.Attention.KeyWidth;
        Residual = Take(rows * (long)shape.HiddenSize);
        QueryKeyValue = Take(rows * (queries + (2 * keys)));
        Mixed = Take(rows * queries);
        Branch = Take(rows * (long)shape.HiddenSize);
        GateUp = Take(rows * 2 * intermediate);
        Active = Take(rows * intermediate);
        Logits = Take(rows * (long)shape.VocabularySize);
        long widest = Math.Max(Math.Max(intermediate, queries), shape.HiddenSize);
        Own =
        [
            .. Enumerable.Range(0, workers).Select(_ => new WorkerBuffers(
                Take(rows * (long)shape.HiddenSize), Take(places), Take(block.Attention.HeadDimension), Take(rows * (long)ranks), Take(rows * widest), Take(widest / FourBitRows.Unit))),
        ];
    }

    /// <summary>For how many texts there is room.</summary>
    public int Rows { get; }

    /// <summary>For texts of how many tokens there is room.</summary>
    public int Places { get; }

    /// <summary>x, [rows, hidden].</summary>
    public float* Residual { get; }

    /// <summary>[rows, (heads + 2 kvHeads) headSize].</summary>
    public float* QueryKeyValue { get; }

    /// <summary>[rows, heads headSize].</summary>
    public float* Mixed { get; }

    /// <summary>What is added to x, [rows, hidden].</summary>
    public float* Branch { get; }

    /// <summary>[rows, 2 intermediate].</summary>
    public float* GateUp { get; }

    /// <summary>[rows, intermediate].</summary>
    public float* Active { get; }

    /// <summary>[rows, vocabulary].</summary>
    public float* Logits { get; }

    /// <summary>What each thread has for itself.</summary>
    public IReadOnlyList<WorkerBuffers> Own { get; }

    /// <inheritdoc/>
    public void Dispose() => memory.ForEach(values => values.Dispose());

    private float* Take(long count)
    {
        FloatMemory values = new(count);
        memory.Add(values);
        return values.First;
    }
}

/// <summary>What one thread has for itself.</summary>
/// <param name="normal">Of a norm, [rows, hidden].</param>
/// <param name="scores">Of a head, [places].</param>
/// <param name="head">A head's query or key, [headSize].</param>
/// <param name="low">x Aᵀ, [rows, rank].</param>
/// <param name="apart">The input of a product with 4-bit codes, its even and odd values apart, [rows, in] of the widest.</param>
/// <param name="scales">Of a row of such a matrix.</param>
internal sealed unsafe class WorkerBuffers(float* normal, float* scores, float* head, float* low, float* apart, float* scales)
{
    public float* Normal => normal;

    public float* Scores => scores;

    public float* Head => head;

    public float* Low => low;

    public float* Apart => apart;

    public float* Scales => scales;
}
