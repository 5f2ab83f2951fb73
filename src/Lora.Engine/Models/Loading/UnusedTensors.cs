using Lora.Checkpoints;
using Lora.Quantization;
using Lora.Selection;

namespace Lora.Models;

/// <summary>Tells of tensors that the model has no place for: a config.json of another family or with too few layers leaves some over.</summary>
internal static class UnusedTensors
{
    private const int Shown = 3;

    /// <summary>
    /// The warning; null when every tensor is used. Tensors that are computed anew (inv_freq, causal masks) are not counted, nor what a model that sees has
    /// beside its decoder, nor heads of other classes where the task has its own.
    /// </summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="shape">Its shape.</param>
    public static string? Warning(string folder, TaskShape shape)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        HashSet<TensorInfo> used = [];
        StoredTensors stored = new(checkpoint, shape);
        foreach ((string name, long[] asked) in RequiredTensors.In(stored, NewHead.Names(stored)))
        {
            if (stored.FindQuantized(name, asked) is StoredWeight quantized)
            {
                used.UnionWith(quantized.Tensors);
            }
            else if (stored.TryFind(name, out TensorInfo? tensor))
            {
                used.Add(tensor);
            }
        }

        bool hasTowers = shape is ModelShape { Family: VisionLanguageFamily }, hasOtherHead = shape is not ModelShape;
        string[] unused = [.. checkpoint.Tensors
            .Where(tensor => !used.Contains(tensor) && !IsBuffer(tensor.Name, checkpoint)
                && !(hasTowers && TextPath.IsBeside(tensor.Name)) && !(hasOtherHead && TaskModules.IsOfHead(tensor.Name)))
            .Select(tensor => tensor.Name)];
        string more = unused.Length > Shown ? $" and {unused.Length - Shown} more" : "";
        return unused.Length == 0 ? null
            : $"The model '{folder}' of type {shape.ModelType} with {shape.BlockLists.Sum(list => list.Count)} layers does not use {unused.Length} of the checkpoint's tensors: {string.Join(", ", unused.Take(Shown))}{more}. Check that config.json belongs to the weights.";
    }

    private static bool IsBuffer(string name, Checkpoint checkpoint) =>
        ParameterName.IsBuffer(name, hasWeight: checkpoint.TryFind(name[..(name.LastIndexOf('.') + 1)] + "weight", out _));
}
