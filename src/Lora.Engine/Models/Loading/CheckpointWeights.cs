using Lora.Checkpoints;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Takes a model's weights out of a checkpoint, straight into the memory that they stay in.</summary>
internal sealed class CheckpointWeights : IWeightSource, IDisposable
{
    private readonly StoredTensors stored;
    private readonly Device device;
    private readonly ScalarType dataType;
    private readonly WeightArena arena;
    private readonly HashSet<string> quantized;
    private readonly IReadOnlyDictionary<string, TensorData> given;
    private readonly Tensor? scratch; // a quantised matrix as it is read
    private readonly IProgress<WorkProgress>? progress;
    private readonly CancellationToken cancellation;
    private readonly string stage;
    private readonly long total;
    private long read;

    /// <summary>Makes room for the weights; <see cref="Read"/> fills it.</summary>
    /// <param name="stored">The checkpoint.</param>
    /// <param name="required">What the model asks it for (<see cref="RequiredTensors.In"/>).</param>
    /// <param name="device">Where the weights go.</param>
    /// <param name="dataType">What they are held in.</param>
    /// <param name="quantization">How the matrices of the blocks are held.</param>
    /// <param name="given">Tensors that do not come from the checkpoint, by their names in the model.</param>
    /// <param name="progress">Told of the bytes that are read, by <see cref="Report"/>.</param>
    /// <param name="cancellation">Ends reading. Matrices that are quantised after it have no values: who takes them looks at it in the end.</param>
    public CheckpointWeights(
        StoredTensors stored,
        IReadOnlyList<(string Name, long[] Shape)> required,
        Device device,
        ScalarType dataType,
        LoraQuantization quantization,
        IReadOnlyDictionary<string, TensorData> given,
        IProgress<WorkProgress>? progress,
        CancellationToken cancellation)
    {
        this.progress = progress;
        this.cancellation = cancellation;
        stage = quantization == LoraQuantization.None ? "Loading weights" : "Loading and quantising weights";
        this.stored = stored;
        this.device = device;
        this.dataType = dataType;
        this.given = given;
        quantized = [.. QuantizedWeights.In(quantization, stored.Shape, required)];
        ILookup<bool, (string Name, long[] Shape)> byQuantized = required.ToLookup(weight => quantized.Contains(weight.Name));
        total = required.Where(weight => !given.ContainsKey(weight.Name)).Sum(weight => stored.Find(weight.Name).Length);
        arena = new(byQuantized[false], dataType, device);
        if (quantized.Count > 0)
        {
            // Room for the largest matrix once, in float32: each is read here, quantised and forgotten.
            scratch = empty([byQuantized[true].Max(weight => weight.Shape[0] * weight.Shape[1])], dtype: ScalarType.Float32, device: CPU).DetachFromDisposeScope();
        }
    }

    /// <summary>Reads the weights that are not quantised; tensors that were taken before have their values then.</summary>
    /// <exception cref="LoraException">A file is unreadable or was cut off since it was opened.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Read()
    {
        using DisposeScope scope = NewDisposeScope();

        // Other tensors over the same memory as those that the model was given: filling these fills the model.
        WeightReader.Fill(arena.Names.Where(name => !given.ContainsKey(name)).Select(name => (arena[name], stored.Find(name))), stored.Checkpoint, OnRead, cancellation);
        foreach ((string name, TensorData table) in given)
        {
            Tensor values = empty(table.Shape, dtype: TensorType.Of(table.DataType), device: CPU);
            table.Bytes.Span.CopyTo(values.bytes);
            arena[name].copy_(values);
        }
    }

    /// <summary>Says how much this thread and others have read.</summary>
    public void Report() => progress?.Report(new(stage, Interlocked.Read(ref read), total, WorkUnit.Byte));

    /// <inheritdoc/>
    public bool Has(string name) => stored.TryFind(name, out _);

    /// <inheritdoc/>
    public Tensor Take(string name, params ReadOnlySpan<long> shape) => arena[name];

    /// <summary>Reads a matrix and quantises it, so that there is never more than one that is not.</summary>
    /// <inheritdoc/>
    public FourBitMatrix? TakeQuantized(string name, params ReadOnlySpan<long> shape)
    {
        if (!quantized.Contains(name))
        {
            return null;
        }

        if (cancellation.IsCancellationRequested)
        {
            return Nf4Layout.WithoutValues(shape.ToArray(), dataType, device); // thrown away with the model, which cannot be left half made
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor values = scratch!.narrow(0, 0, shape[0] * shape[1]).view(shape.ToArray());
        WeightReader.Fill([(values, stored.Find(name))], stored.Checkpoint, OnRead);
        Report();
        return Nf4Quantizer.Quantize(values, dataType).To(device);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        arena.Dispose();
        scratch?.Dispose();
    }

    private void OnRead(long bytes) => Interlocked.Add(ref read, bytes);
}
