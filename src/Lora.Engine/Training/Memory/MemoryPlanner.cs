using Lora.Adapters;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>Works out a run's memory before its first step, and what has to be computed again to stay within it.</summary>
/// <param name="step">The fused step; autograd's memory cannot be told before.</param>
/// <param name="model">The base model, loaded.</param>
/// <param name="adapter">The adapter that is on it and learns; null where nothing does.</param>
/// <param name="options">The limit and how to stay within it.</param>
/// <param name="shapes">The run's batches that are learned from; none where nothing is.</param>
/// <param name="isFree">Whether all memory that nobody needs was given back before.</param>
/// <param name="ask">Says what a device has given and may give; null for <see cref="AvailableMemory.Of"/>.</param>
internal sealed class MemoryPlanner(
    FusedStep step,
    TaskModel model,
    AttachedAdapter? adapter,
    TrainingOptions options,
    IEnumerable<StepShape> shapes,
    bool isFree = false,
    Func<Device, bool, (long Taken, long Limit)?>? ask = null)
{
    // What a run takes at most that keeps freed memory, as a share of what its tensors take (bench plan).
    private const double KeptShare = 1.25;

    // Bytes of an adapter that are found anywhere: to measure what is left takes as long as its first steps.
    private const double SmallAdapter = 64 << 20;

    // The value, its gradient and two moments, float32 whatever the base is.
    private const int BytesOfValue = 4 * sizeof(float);

    private readonly StepMemory memory = step.Memory;
    private readonly StepShape[] learned = Largest(shapes);

    // Where the device says nothing, what torch has put there, without a limit.
    private readonly (long Taken, long Limit) available =
        (ask ?? AvailableMemory.Of)(model.Device, isFree) ?? (model.WeightSize + (2L * sizeof(float) * (adapter?.Arena.Count ?? 0)), LoraMemoryPlan.Unknown);

    /// <summary>What is evaluated, of which the largest are kept.</summary>
    public IEnumerable<StepShape> Evaluated { private get; init => field = Largest(value); } = [];

    private IEnumerable<StepShape> All => learned.Concat(Evaluated);

    private long Limit => options.MemoryLimit ?? available.Limit;

    private long Weight => model.WeightSize + Buffer;

    private long Buffer => model.Buffer.Missing + model.Buffer.Passing;

    private long Tokens => All.Max(shape => shape.Before + shape.Tokens);

    private long Optimizer => 2L * sizeof(float) * (adapter?.Arena.Count ?? 0);

    /// <summary>Refuses an adapter that no memory there is holds, before torch is asked for it, whose words would be those of its allocator.</summary>
    /// <param name="values">The values that are trained.</param>
    /// <param name="device">Where they will be.</param>
    /// <param name="limit">The limit that was asked for; null for what the device has.</param>
    /// <exception cref="LoraException">MemoryInsufficient.</exception>
    public static void CheckAdapter(double values, Device device, long? limit)
    {
        double bytes = values * BytesOfValue;
        if (limit is null && bytes < SmallAdapter)
        {
            return;
        }

        long most = limit ?? AvailableMemory.Of(device)?.Limit ?? LoraMemoryPlan.Unknown;
        if (bytes > most)
        {
            throw LoraException.Of(
                LoraError.MemoryInsufficient, most, Gigabytes(bytes), Gigabytes(most), FormattableString.Invariant($"the adapter's {values:F0} values alone take it, with their gradients and moments"));
        }
    }

    /// <summary>Whether so many bytes fit beside a run that computes nothing again.</summary>
    public bool Fits(long bytes) => available.Taken + Buffer + Optimizer + bytes + Peak(default) <= Limit;

    /// <summary>The plan.</summary>
    /// <param name="cache">Bytes of the hidden states that will be kept in memory.</param>
    /// <exception cref="LoraException">MemoryInsufficient: the limit was given and cannot be held.</exception>
    public LoraMemoryPlan Plan(long cache)
    {
        // Weights and adapter are there already and so part of what is taken; the moments, the buffer and the cache are not.
        long rest = available.Taken + Buffer + Optimizer + cache;

        // Where an evaluation alone takes more, nothing is computed again but for what lowers the peak.
        long most = Math.Max(Limit - rest, Peak(Recomputation.Full(memory.Blocks), memory.MostSlices));
        Recomputation chosen = options.Checkpointing switch
        {
            _ when learned.Length == 0 => default,
            LoraCheckpointing.None => default,
            LoraCheckpointing.Full => Recomputation.Full(memory.Blocks),
            _ => Recomputation.Least(memory.Blocks, recomputation => Peak(recomputation, memory.MostSlices) <= most),
        };

        // Then, from what is left when as much is kept as fits: slices of attention and chunks of the loss cost some launches, a block computed again its
        // forward pass. Slices first, which every block has.
        int slices = Enumerable.Range(1, memory.MostSlices).First(count => count == memory.MostSlices || rest + Peak(chosen, count) <= Limit);
        int chunk = ChooseChunk(rest, chosen, slices);
        long activation = Peak(chosen, slices, chunk);

        // A limit that was asked for is kept or refused; one that was only guessed is warned of.
        if (options.MemoryLimit is not null && rest + activation > Limit)
        {
            throw LoraException.Of(LoraError.MemoryInsufficient, options.MemoryLimit, Gigabytes(rest + activation), Gigabytes(Limit), LargestOf(chosen, slices, chunk));
        }

        long values = Optimizer; // values and gradients, float32 whatever the base is: as much as their moments
        long head = All.Max(shape => memory.Head(shape, chunk));
        return new()
        {
            Peak = rest + activation,
            Weight = Weight,
            Adapter = values,
            Optimizer = Optimizer,
            // The parts add up to the peak; what the head has is shown by itself, since a large vocabulary surprises.
            Activation = activation - Math.Min(activation, head),
            Head = head,
            PrefixCache = cache,
            Other = available.Taken - model.WeightSize - values,
            Limit = Limit,
            Token = Tokens,
            // Kept memory is wasted in part; where a quarter more would not fit, speed is given up for it.
            KeepsFreedMemory = AllocatorTuning.CanKeep && (options.KeepFreedMemory ?? FitsKept(rest, activation)),
            RecomputedBlock = chosen.Blocks,
            RecomputedActivation = chosen.Activations,
            RecomputedAttention = chosen.Attentions,
            AttentionSlice = slices,
            LossChunk = chunk,
        };
    }

    /// <summary>Makes room at once for what the largest batch keeps: a block of memory that grew would leave holes.</summary>
    public void Reserve(FusedStep step)
    {
        Array.ForEach(learned, step.Reserve);
        Evaluated.ToList().ForEach(step.ReserveEvaluation);
    }

    /// <summary>The highest point of steps and of evaluations.</summary>
    private long Peak(Recomputation recomputation, int slices = 1, int chunk = LossChunk.Least) =>
        Math.Max(StepPeak(recomputation, slices, chunk), Evaluated.Select(EvaluationPeak(recomputation, slices, chunk)).DefaultIfEmpty().Max());

    private long StepPeak(Recomputation recomputation, int slices, int chunk) => MostLearned(shape => memory.Peak(shape, recomputation, chunk), slices);

    /// <summary>That of an evaluation, beside which the stacks of steps stay as they are.</summary>
    private Func<StepShape, long> EvaluationPeak(Recomputation recomputation, int slices, int chunk)
    {
        long stack = MostLearned(shape => memory.Stack(shape, recomputation), slices);
        long scratch = MostLearned(shape => memory.Scratch(shape, recomputation, chunk), slices);
        return shape => memory.EvaluationPeak(shape with { AttentionSlices = slices }, chunk, stack, scratch);
    }

    private long MostLearned(Func<StepShape, long> bytes, int slices) => learned.Select(shape => bytes(shape with { AttentionSlices = slices })).DefaultIfEmpty().Max();

    /// <summary>What the highest point is of.</summary>
    private string LargestOf(Recomputation recomputation, int slices, int chunk)
    {
        if (StepPeak(recomputation, slices, chunk) == Peak(recomputation, slices, chunk))
        {
            return $"its largest batch has {learned.Max(shape => shape.Tokens)} tokens";
        }

        StepShape largest = Evaluated.MaxBy(EvaluationPeak(recomputation, slices, chunk))!;
        string tokens = $"its largest evaluation has {largest.Before + largest.Tokens} tokens";
        return largest.Lengths.Count > 1 ? $"{tokens} in {largest.Lengths.Count} rows" : $"{tokens} in one row, which a lower -MaxLength makes shorter and a lower -BatchSize does not";
    }

    private bool FitsKept(long rest, long activation) => rest + (long)(KeptShare * activation) <= Limit;

    /// <summary>
    /// Places of the loss at once: on a device as many as there is room for, without waste for freed memory that is kept; all of them where it does not say what it
    /// has, since nothing asks for chunks then, and the rehearsal of the largest batch shows in the first seconds whether they fit.
    /// </summary>
    private int ChooseChunk(long rest, Recomputation chosen, int slices) =>
        // A processor has nothing from more of them.
        model.Device.type == DeviceType.CPU
            ? LossChunk.Least
            : LossChunk.Most(All.Max(shape => shape.Supervised), memory.Vocabulary, chunk => FitsKept(rest, Peak(chosen, slices, chunk)));

    /// <summary>The batches that one part or another of the memory is largest for, in one pass: shapes are made while they are looked at.</summary>
    private static StepShape[] Largest(IEnumerable<StepShape> shapes)
    {
        Func<StepShape, double>[] sizes =
        [
            shape => shape.Tokens,
            shape => shape.Lengths.Sum(length => (double)length * length),
            shape => (double)shape.Tokens * (shape.Before + shape.Lengths.Max()),
            shape => shape.Supervised,
            shape => shape.Before,
        ];
        (double Size, StepShape? Shape)[] largest = [.. sizes.Select(_ => (-1.0, (StepShape?)null))];
        foreach (StepShape shape in shapes)
        {
            for (int index = 0; index < sizes.Length; index++)
            {
                double size = sizes[index](shape);
                if (size > largest[index].Size)
                {
                    largest[index] = (size, shape);
                }
            }
        }

        return [.. largest.Select(entry => entry.Shape).OfType<StepShape>().Distinct()];
    }

    private static string Gigabytes(double bytes) => FormattableString.Invariant($"{bytes / (1L << 30):F2} GB");
}
