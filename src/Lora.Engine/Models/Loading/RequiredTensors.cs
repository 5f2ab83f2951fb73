using System.Globalization;
using Lora.Checkpoints;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Notes which tensors a model asks for, by building it out of empty META tensors: one description serves naming and loading.</summary>
internal sealed class RequiredTensors(bool hasHead) : IWeightSource
{
    private const string Blocks = "model.layers.";
    private const string BareBlocks = "layers.";
    private const string FirstBlock = Blocks + "0.";

    private readonly List<(string Name, long[] Shape)> asked = [];

    /// <inheritdoc/>
    public bool Has(string name) => hasHead;

    /// <inheritdoc/>
    public Tensor Take(string name, params ReadOnlySpan<long> shape)
    {
        asked.Add((name, shape.ToArray()));
        return empty(shape.ToArray(), dtype: ScalarType.Float32, device: META);
    }

    /// <summary>The names and shapes that a configuration asks for. The blocks are alike: one is made, and the others are named after it.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="hasHead">Whether a head of its own is there although the configuration ties it.</param>
    public static IReadOnlyList<(string Name, long[] Shape)> Of(DecoderConfig config, bool hasHead = false)
    {
        RequiredTensors required = new(hasHead);

        // A model of thousands of modules would take longer to make than headers to read.
        using CausalLanguageModel model = new(config with { Layers = 1 }, required, META);
        ILookup<bool, (string Name, long[] Shape)> byPlace =
            required.asked.ToLookup(weight => weight.Name.StartsWith(FirstBlock, StringComparison.Ordinal));
        IEnumerable<(string Name, long[] Shape)> blocks =
            from layer in Enumerable.Range(0, config.Layers)
            from weight in byPlace[true]
            select ($"{Blocks}{layer}.{weight.Name[FirstBlock.Length..]}", weight.Shape);
        return [.. byPlace[false], .. blocks];
    }

    /// <summary>The names and shapes that a configuration asks a checkpoint for.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="config">The model's shape.</param>
    /// <param name="vocabulary">Tables that do not come from the checkpoint; null for none.</param>
    /// <exception cref="LoraException">Everything in which the checkpoint does not fit the configuration.</exception>
    public static IReadOnlyList<(string Name, long[] Shape)> In(Checkpoint checkpoint, DecoderConfig config, ResizedVocabulary? vocabulary = null)
    {
        LoraException.ThrowIfAny([.. QuantizedCheckpoint.Problems(ModuleTree.Of(checkpoint), checkpoint.Path)]);
        CheckBlocks(checkpoint, config);
        IReadOnlyList<(string Name, long[] Shape)> required = Of(config, CheckpointWeights.TryFind(checkpoint, "lm_head.weight", out _));
        LoraException.ThrowIfAny(Check(checkpoint, required.Where(weight => vocabulary?.Weights.ContainsKey(weight.Name) != true)));
        return required;
    }

    /// <summary>Asks the checkpoint how many blocks it has before any tensor is named: config.json can state any number.</summary>
    private static void CheckBlocks(Checkpoint checkpoint, DecoderConfig config)
    {
        // Names of a bare body lack the first part, "model.".
        int blocks = checkpoint.Tensors.Select(tensor => BlockOf(tensor.Name)).OfType<int>().Distinct().Count(block => block < config.Layers);
        if (blocks < config.Layers)
        {
            throw LoraException.Of(
                LoraError.ConfigInvalid, checkpoint.Path, checkpoint.Path, $"num_hidden_layers is {config.Layers}, and the checkpoint has {blocks} of these blocks");
        }
    }

    private static int? BlockOf(string name)
    {
        int start = name.StartsWith(Blocks, StringComparison.Ordinal) ? Blocks.Length : name.StartsWith(BareBlocks, StringComparison.Ordinal) ? BareBlocks.Length : -1;
        int end = start < 0 ? -1 : name.IndexOf('.', start);
        return end > start && int.TryParse(name.AsSpan(start, end - start), NumberStyles.None, CultureInfo.InvariantCulture, out int block) ? block : null;
    }

    private static List<LoraProblem> Check(Checkpoint checkpoint, IEnumerable<(string Name, long[] Shape)> required)
    {
        List<LoraProblem> problems = [];
        foreach ((string name, long[] shape) in required)
        {
            if (!CheckpointWeights.TryFind(checkpoint, name, out TensorInfo? tensor))
            {
                problems.Add(new(LoraError.TensorMissing, name, checkpoint.Path, name));
            }
            else if (!tensor.Shape.AsSpan().SequenceEqual(shape))
            {
                problems.Add(new(LoraError.TensorShapeMismatch, name, checkpoint.Path, name, string.Join(", ", tensor.Shape), string.Join(", ", shape)));
            }
            else if (!TensorType.IsKnown(tensor.DataType))
            {
                problems.Add(new(LoraError.TensorDataTypeUnknown, name, checkpoint.Path, name, tensor.DataType.ToName(), TensorType.Names));
            }
        }

        return problems;
    }
}
