using System.Globalization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>The modules of a TorchSharp model in the words that a checkpoint's modules are listed in, so that both are selected alike.</summary>
/// <param name="Modules">The modules that hold tensors.</param>
/// <param name="Containers">The names of the modules that only hold others.</param>
internal sealed record ModuleListing(IReadOnlyList<LoraModuleInfo> Modules, IReadOnlyList<string> Containers)
{
    /// <summary>Lists a model's modules in its own order.</summary>
    /// <param name="model">The model.</param>
    /// <param name="fanInFanOut">Whether modules of the program's own classes store their weight [in, out].</param>
    public static ModuleListing Of(nn.Module model, bool fanInFanOut)
    {
        (string Name, nn.Module Module)[] all = [.. model.named_modules()];
        ILookup<bool, (string Name, nn.Module Module)> byKind = all.ToLookup(entry => entry.Module.OwnParameters().Any());
        return new([.. byKind[true].Select(entry => Describe(entry.Name, entry.Module, fanInFanOut))], [.. byKind[false].Select(entry => entry.Name)]);
    }

    private static LoraModuleInfo Describe(string name, nn.Module module, bool fanInFanOut)
    {
        string[] parts = name.Split('.');
        Parameter? weight = module.OwnParameter("weight");
        LoraModuleKind kind = TorchModuleKind.Of(module, fanInFanOut);
        long[] shape = weight?.shape ?? [];
        (long? inputs, long? outputs) = kind switch
        {
            LoraModuleKind.Linear or LoraModuleKind.Conv2d => (shape[1], shape[0]),
            LoraModuleKind.Conv1D or LoraModuleKind.Embedding => (shape[0], shape[1]),
            _ => ((long?)null, (long?)null),
        };
        return new()
        {
            Name = name,
            Kind = kind,
            Shape = new(shape),
            InFeatures = inputs,
            OutFeatures = outputs,
            DataType = weight?.dtype.ToString() ?? "",
            ParameterCount = module.OwnParameters().Sum(own => own.Value.numel()),
            Layer = parts.Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int index) ? index : (int?)null).FirstOrDefault(index => index is not null),
            Role = parts[^1],
        };
    }
}
