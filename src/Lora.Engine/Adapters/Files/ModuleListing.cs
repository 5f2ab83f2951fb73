using System.Globalization;
using Lora.Checkpoints;
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
        ILookup<bool, (string Name, nn.Module Module)> byKind = all.ToLookup(entry => entry.Module.OwnParameters().Any() && !HoldsExperts(entry.Module));
        return new(
            [.. all.SelectMany(entry => HoldsExperts(entry.Module) ? Parameters(entry.Name, entry.Module) : byKind[true].Contains(entry) ? [Describe(entry.Name, entry.Module, fanInFanOut)] : [])],
            [.. byKind[false].Select(entry => entry.Name)]);
    }

    /// <summary>Whether a module has stacks of matrices, and no weight that would make it a layer of its own.</summary>
    private static bool HoldsExperts(nn.Module module) => module.OwnParameter("weight") is null && module.OwnParameters().Any(own => own.Value.dim() == 3);

    /// <summary>Each parameter of such a module, in the order in which its class defines them.</summary>
    private static IEnumerable<LoraModuleInfo> Parameters(string name, nn.Module module)
    {
        bool inputsFirst = module is ILoraExperts { HasInputsFirst: true };
        return module.OwnParameters().Select(own =>
        {
            long[] shape = own.Value.shape;
            bool areMatrices = shape.Length == 3;
            string whole = name.Length == 0 ? own.Name : $"{name}.{own.Name}";
            return new LoraModuleInfo
            {
                Name = whole,
                Parameter = own.Name,
                Kind = areMatrices ? LoraModuleKind.Expert : LoraModuleKind.Other,
                Shape = new(shape),
                // [experts, in, out] where inputs are first, else [experts, out, in]
                InFeatures = areMatrices ? shape[inputsFirst ? 1 : 2] : shape.Length == 2 ? shape[1] : null,
                OutFeatures = areMatrices ? shape[inputsFirst ? 2 : 1] : shape.Length == 2 ? shape[0] : null,
                ExpertCount = areMatrices ? shape[0] : null,
                HasInputsFirst = inputsFirst && areMatrices,
                DataType = own.Value.dtype.ToString(),
                ParameterCount = own.Value.numel(),
                Layer = ModuleDescription.Layer(whole),
                Role = ModuleRole.Of(whole),
            };
        });
    }

    private static LoraModuleInfo Describe(string name, nn.Module module, bool fanInFanOut)
    {
        string[] parts = name.Split('.');
        Parameter? weight = module.OwnParameter("weight");
        LoraModuleKind kind = TorchModuleKind.Of(module, fanInFanOut);
        long[] shape = weight?.shape ?? [];
        (long? inputs, long? outputs) = kind switch
        {
            LoraModuleKind.Linear or LoraModuleKind.Conv2d => (shape[1], shape[0]), // [out, in, ...]
            LoraModuleKind.Conv1D or LoraModuleKind.Embedding => (shape[0], shape[1]), // [in, out], [tokens, width]
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
            Role = ModuleRole.Of(name),
        };
    }
}
