using System.Globalization;
using Lora.Adapters;

namespace Lora.Training;

/// <summary>The parts of a model that adapters change: its numbered blocks, and each module outside of them by itself.</summary>
internal static class AdapterParts
{
    /// <summary>The names of the modules that an adapter has tensors for, in the order of the tensors.</summary>
    public static IReadOnlyList<string> Modules(LoraAdapter adapter)
    {
        ParameterKeys parameters = new(adapter.Config, adapter.Tensors.Select(tensor => tensor.Name));
        return [.. adapter.Tensors.Select(tensor => parameters.Of(tensor.Name)).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>The part that a module belongs to, for example <c>model.layers.3</c> and 3, or <c>lm_head</c> without a number.</summary>
    public static (string Name, int? Layer) Of(string module)
    {
        string[] parts = module.Split('.');
        for (int index = 0; index < parts.Length; index++)
        {
            // The first number in a name is the block's; others may follow, those of experts for example.
            if (int.TryParse(parts[index], NumberStyles.None, CultureInfo.InvariantCulture, out int layer))
            {
                return (string.Join('.', parts[..(index + 1)]), layer);
            }
        }

        return (module, null);
    }
}
