using System.Globalization;
using Lora.Models;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>
/// A model in float32 whose blocks have the memory of one: each is read when its turn comes, over the one before. Beside it there are the embedding and
/// the head, so that a model that no memory holds can be computed, as slowly as its files are read. Encoders, which are small, are held whole.
/// </summary>
internal sealed class StreamedModel : IWeightSource, IDisposable
{
    private const int Around = -1; // what belongs to no block

    private readonly string? blockPrefix;
    private readonly IProofValues values;
    private readonly Func<string, bool> has;
    private readonly CancellationToken cancellation;
    private readonly Dictionary<string, Tensor> memory = new(StringComparer.Ordinal);
    private readonly Dictionary<int, Dictionary<string, Tensor>> places = new() { [Around] = new(StringComparer.Ordinal) };
    private Action<IReadOnlyDictionary<string, Tensor>>? change;

    /// <summary>Builds the modules, and reads what belongs to no block.</summary>
    /// <param name="shape">The model.</param>
    /// <param name="values">Its weights.</param>
    /// <param name="has">Whether a tensor is one of its own, as a head is that shares nothing.</param>
    /// <param name="cancellation">Ends reading, here and when a block's turn comes.</param>
    public StreamedModel(TaskShape shape, IProofValues values, Func<string, bool> has, CancellationToken cancellation)
    {
        this.values = values;
        this.has = has;
        this.cancellation = cancellation;
        blockPrefix = shape switch { ModelShape decoder => decoder.BlockPrefix, ClassifierShape classifier => classifier.Decoder.BlockPrefix, _ => null };
        Model = shape.Build(this, CPU);
        Read(Around);
        foreach ((string name, nn.Module module) in Model.named_modules())
        {
            if (module is nn.Module<Tensor, BlockContext, Tensor> block && BlockOf(name, isWhole: true) is int number)
            {
                block.register_forward_pre_hook((_, hidden, context) =>
                {
                    Read(number);
                    return (hidden, context);
                });
            }
        }
    }

    /// <summary>The model; its parameters are written to whenever a block is read.</summary>
    public TaskModel Model { get; }

    /// <summary>Has values changed in place after they were read: at once what belongs to no block, and of a block each time.</summary>
    /// <param name="after">Is given tensors by their names.</param>
    public void Change(Action<IReadOnlyDictionary<string, Tensor>> after)
    {
        change = after;
        after(places[Around]);
    }

    /// <inheritdoc/>
    public bool Has(string name) => has(name);

    /// <inheritdoc/>
    public Tensor Take(string name, params ReadOnlySpan<long> shape)
    {
        using IDisposable noGradient = no_grad();
        int block = BlockOf(name, isWhole: false) ?? Around;
        long[] size = shape.ToArray();

        // Blocks that are alike name the same tensors in the same shapes.
        string key = block == Around ? name : $"{name[(name.IndexOf('.', blockPrefix!.Length) + 1)..]} {string.Join(' ', size)}";
        if (!memory.TryGetValue(key, out Tensor? held))
        {
            memory.Add(key, held = zeros(size, dtype: ScalarType.Float32, device: CPU).DetachFromDisposeScope());
        }

        if (!places.TryGetValue(block, out Dictionary<string, Tensor>? own))
        {
            places.Add(block, own = new(StringComparer.Ordinal));
        }

        own[name] = held;
        Tensor parameter = empty([0], dtype: ScalarType.Float32, device: CPU); // another tensor over the memory, which the model may give other memory
        parameter.set_(held);
        return parameter;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        foreach (Tensor held in memory.Values)
        {
            held.Dispose();
        }
    }

    private void Read(int block)
    {
        using IDisposable noGradient = no_grad();
        if (places.TryGetValue(block, out Dictionary<string, Tensor>? own))
        {
            values.Fill(own, cancellation);
            change?.Invoke(own);
        }
    }

    private int? BlockOf(string name, bool isWhole)
    {
        if (blockPrefix is null || !name.StartsWith(blockPrefix, StringComparison.Ordinal))
        {
            return null;
        }

        int end = name.IndexOf('.', blockPrefix.Length);
        return isWhole == (end < 0) && int.TryParse(name.AsSpan(blockPrefix.Length, (end < 0 ? name.Length : end) - blockPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int block)
            ? block : null;
    }
}
