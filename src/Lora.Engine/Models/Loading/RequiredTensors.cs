using Lora.Checkpoints;
using Lora.Quantization;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Notes which tensors a model asks for, by building it out of empty META tensors: one description serves naming and loading.</summary>
internal sealed class RequiredTensors(Func<string, bool> has) : IWeightSource
{
    private readonly List<(string Name, long[] Shape)> asked = [];

    /// <inheritdoc/>
    public bool Has(string name) => has(name);

    /// <inheritdoc/>
    public Tensor Take(string name, params ReadOnlySpan<long> shape)
    {
        asked.Add((name, shape.ToArray()));
        return empty(shape.ToArray(), dtype: ScalarType.Float32, device: META);
    }

    /// <summary>The names and shapes that a model asks for. Of blocks that are alike one is made, and the others are named after it.</summary>
    /// <param name="shape">The model's shape.</param>
    /// <param name="hasHead">Whether a head of its own is there although the configuration ties it.</param>
    public static IReadOnlyList<(string Name, long[] Shape)> Of(ModelShape shape, bool hasHead = false)
    {
        RequiredTensors around = new(_ => hasHead);
        using CausalLanguageModel model = new(shape with { Blocks = [] }, around, META);

        // A model of thousands of modules would take longer to make than headers to read.
        Dictionary<BlockShape, List<(string Name, long[] Shape)>> kinds = [];
        foreach (BlockShape block in shape.Blocks.Distinct())
        {
            RequiredTensors within = new(_ => hasHead);
            using WeightBuffer buffer = new();
            using nn.Module<Tensor, BlockContext, Tensor> made = block.Build(new(within, "", buffer));
            kinds.Add(block, within.asked);
        }

        IEnumerable<(string Name, long[] Shape)> blocks =
            from entry in shape.Blocks.Select((block, layer) => (Block: block, Layer: layer))
            from weight in kinds[entry.Block]
            select ($"{shape.BlockPrefix}{entry.Layer}.{weight.Name}", weight.Shape);
        return [.. around.asked, .. blocks];
    }

    /// <summary>The names and shapes that a model asks its checkpoint for.</summary>
    /// <param name="stored">The model and its checkpoint.</param>
    /// <param name="given">The names of tensors that do not come from the checkpoint.</param>
    /// <exception cref="LoraException">Everything in which the checkpoint does not fit the configuration.</exception>
    public static IReadOnlyList<(string Name, long[] Shape)> In(StoredTensors stored, params IEnumerable<string> given)
    {
        LoraException.ThrowIfAny([.. QuantizedCheckpoint.Problems(ModuleTree.Of(stored.Checkpoint), stored.Checkpoint.Path)]);
        CheckBlocks(stored);
        IReadOnlyList<(string Name, long[] Shape)> required = Of(stored.Shape, stored.Has);
        HashSet<string> elsewhere = [.. given];
        LoraException.ThrowIfAny(Check(stored, required.Where(weight => !elsewhere.Contains(weight.Name))));
        return required;
    }

    /// <summary>The names and shapes that a model of any task asks for.</summary>
    /// <param name="shape">The model's shape.</param>
    /// <param name="has">Whether a tensor is there, which the model can do without.</param>
    public static IReadOnlyList<(string Name, long[] Shape)> Of(TaskShape shape, Func<string, bool> has)
    {
        if (shape is ModelShape decoder)
        {
            return Of(decoder, has(decoder.Head.Weight));
        }

        RequiredTensors required = new(has);
        using TaskModel model = shape.Build(required, META);
        return required.asked;
    }

    /// <summary>Asks the checkpoint how many blocks it has before any tensor is named: config.json can state any number.</summary>
    private static void CheckBlocks(StoredTensors stored)
    {
        foreach ((string list, int layers) in stored.Shape.BlockLists)
        {
            int blocks = stored.CountBlocks(list, layers);
            if (blocks < layers)
            {
                string path = stored.Checkpoint.Path;
                throw LoraException.Of(LoraError.ConfigInvalid, path, path, $"num_hidden_layers is {layers}, and the checkpoint has {blocks} of these blocks");
            }
        }
    }

    private static List<LoraProblem> Check(StoredTensors stored, IEnumerable<(string Name, long[] Shape)> required)
    {
        string path = stored.Checkpoint.Path;
        List<LoraProblem> problems = [];
        foreach ((string name, long[] shape) in required)
        {
            if (IsQuantized(stored, name, shape, problems))
            {
                continue;
            }

            if (!stored.TryFind(name, out TensorInfo? tensor))
            {
                problems.Add(new(LoraError.TensorMissing, name, path, name));
            }
            else if (!tensor.Shape.AsSpan().SequenceEqual(shape))
            {
                problems.Add(new(LoraError.TensorShapeMismatch, name, path, name, string.Join(", ", tensor.Shape), string.Join(", ", shape)));
            }
            else if (!TensorType.IsKnown(tensor.DataType))
            {
                problems.Add(new(LoraError.TensorDataTypeUnknown, name, path, name, tensor.DataType.ToName(), TensorType.Names));
            }
        }

        return problems;
    }

    /// <summary>Whether a weight is stored in a quantised form, which is held against the shape then.</summary>
    private static bool IsQuantized(StoredTensors stored, string name, long[] shape, List<LoraProblem> problems)
    {
        try
        {
            return stored.FindQuantized(name, shape) is not null;
        }
        catch (LoraException exception)
        {
            problems.AddRange(exception.Problems);
            return true;
        }
    }
}
