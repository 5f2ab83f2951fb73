using Lora.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Which linear layers of a model have the very memory of an embedding's table for their weight, whatever tensors stand for it.</summary>
internal static class TiedWeights
{
    /// <summary>The names of the layers.</summary>
    /// <param name="embedding">The embedding's name.</param>
    /// <param name="modules">The model's modules.</param>
    public static IReadOnlyList<string> HeadsOf(string embedding, IReadOnlyDictionary<string, nn.Module> modules)
    {
        Parameter table = modules[embedding].OwnParameter("weight")!;
        // A weight that is held in 4 bits has no memory of its own to compare.
        return table.device_type == DeviceType.META ? [] : [.. modules.Where(module => module.Value is Linear && IsSame(module.Value.OwnParameter("weight"), table)).Select(module => module.Key)];
    }

    private static bool IsSame(Parameter? weight, Parameter table) =>
        weight is not null && weight.device_type == table.device_type && weight.shape.AsSpan().SequenceEqual(table.shape) && TensorMemory.Address(weight) == TensorMemory.Address(table);
}
