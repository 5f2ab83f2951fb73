using Lora.Checkpoints;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Takes a model's weights out of a checkpoint, straight into the memory that they stay in. Those of a quantised checkpoint become numbers one matrix
/// at a time, or stay in the 4 bits that they have.
/// </summary>
internal sealed class CheckpointWeights : IWeightSource, IDisposable
{
    private readonly StoredTensors stored;
    private readonly Device device;
    private readonly ScalarType dataType;
    private readonly WeightArena arena;
    private readonly Dictionary<string, StoredWeight> forms; // of weights that are quantised in the checkpoint
    private readonly HashSet<string> kept; // matrices that stay in the checkpoint's 4 bits
    private readonly HashSet<string> quantized; // matrices that are quantised here
    private readonly IReadOnlyDictionary<string, TensorData> given;
    private readonly Tensor? scratch; // a matrix that is quantised here, as it is read
    private readonly WeightArena? codes; // of those matrices, where they stay on the CPU
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
        forms = required.Where(weight => !given.ContainsKey(weight.Name))
            .Select(weight => (weight.Name, Form: stored.FindQuantized(weight.Name, weight.Shape)))
            .Where(weight => weight.Form is not null)
            .ToDictionary(weight => weight.Name, weight => weight.Form!, StringComparer.Ordinal);
        kept = KeptMatrices.Of(stored.Shape, required, forms, quantization);
        quantized = [.. QuantizedWeights.In(quantization, stored.Shape, required).Where(name => !kept.Contains(name))];
        ILookup<bool, (string Name, long[] Shape)> byQuantized = required.Where(weight => !kept.Contains(weight.Name)).ToLookup(weight => quantized.Contains(weight.Name));
        total = required.Where(weight => !given.ContainsKey(weight.Name)).Sum(weight => forms.GetValueOrDefault(weight.Name)?.Length ?? stored.Find(weight.Name).Length);
        arena = new(byQuantized[false], dataType, device);
        if (quantized.Count > 0)
        {
            // Room for the largest matrix once, in float32: each is read here, quantised and forgotten.
            scratch = empty([byQuantized[true].Max(weight => weight.Shape[0] * weight.Shape[1])], dtype: ScalarType.Float32, device: CPU).DetachFromDisposeScope();
            codes = device.type != DeviceType.CPU ? null
                : new(byQuantized[true].Select(weight => (weight.Name, new[] { Nf4Layout.BlocksOf(weight.Shape[0] * weight.Shape[1]) * Nf4Layout.BlockBytes })), ScalarType.Byte, CPU);
        }
    }

    /// <summary>Reads the weights that are held as numbers; tensors that were taken before have their values then.</summary>
    /// <exception cref="LoraException">A file is unreadable or was cut off since it was opened, or a quantised weight's parts contradict each other.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Read()
    {
        using DisposeScope scope = NewDisposeScope();
        ILookup<bool, string> byForm = arena.Names.Where(name => !given.ContainsKey(name)).ToLookup(forms.ContainsKey);

        // Other tensors over the same memory as those that the model was given: filling these fills the model.
        WeightReader.Fill(byForm[false].Select(name => (arena[name], stored.Find(name))), stored.Checkpoint, OnRead, cancellation);
        foreach (string name in byForm[true])
        {
            cancellation.ThrowIfCancellationRequested();
            Unpack(forms[name], arena[name]);
        }

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
    public bool Has(string name) => stored.Has(name);

    /// <inheritdoc/>
    public Tensor Take(string name, params ReadOnlySpan<long> shape) => arena[name];

    /// <summary>Reads a matrix and quantises it, so that there is never more than one that is not; or takes it as it is stored.</summary>
    /// <inheritdoc/>
    public FourBitMatrix? TakeQuantized(string name, params ReadOnlySpan<long> shape)
    {
        if (!quantized.Contains(name) && !kept.Contains(name))
        {
            return null;
        }

        if (cancellation.IsCancellationRequested)
        {
            return Nf4Layout.WithoutValues(shape.ToArray(), dataType, device); // thrown away with the model, which cannot be left half made
        }

        Report();
        return kept.Contains(name) ? ((BitsAndBytesWeight)forms[name]).Take(dataType, OnRead).To(device) : Quantize(name, shape.ToArray());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        arena.Dispose();
        scratch?.Dispose();
        codes?.Dispose();
    }

    private FourBitMatrix Quantize(string name, long[] shape)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = scratch!.narrow(0, 0, shape[0] * shape[1]).view(shape);
        if (forms.TryGetValue(name, out StoredWeight? form))
        {
            form.Fill(values, OnRead);
        }
        else
        {
            WeightReader.Fill([(values, stored.Find(name))], stored.Checkpoint, OnRead);
        }

        return Nf4Quantizer.Quantize(values, dataType, codes?[name]).To(device);
    }

    private void Unpack(StoredWeight form, Tensor weight)
    {
        if (device.type == DeviceType.CPU)
        {
            form.Fill(weight, OnRead);
            return;
        }

        // One matrix on its way: made where its bytes are read, and moved.
        using Tensor values = empty(form.Shape, dtype: dataType, device: CPU);
        form.Fill(values, OnRead);
        weight.copy_(values);
    }

    private void OnRead(long bytes) => Interlocked.Add(ref read, bytes);
}
