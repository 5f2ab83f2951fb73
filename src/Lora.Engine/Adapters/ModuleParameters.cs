using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>The parameters that a module holds itself.</summary>
internal static class ModuleParameters
{
    /// <summary>The module's own parameters, those of its children left out.</summary>
    public static IEnumerable<(string Name, Parameter Value)> OwnParameters(this nn.Module module) =>
        module.named_parameters(recurse: false).Where(entry => entry.parameter is not null && !entry.parameter.IsInvalid);

    /// <summary>The module's own parameter of that name, or null.</summary>
    public static Parameter? OwnParameter(this nn.Module module, string name) => module.OwnParameters().FirstOrDefault(entry => entry.Name == name).Value;

    /// <summary>
    /// The modules whose parameter is the very tensor given, however many names and wrappers it has: a flag that is set on one shows on all.
    /// </summary>
    public static IReadOnlyList<string> Sharing(Parameter parameter, IReadOnlyDictionary<string, nn.Module> modules)
    {
        bool flag = parameter.requires_grad;
        (string Module, Parameter Value)[] candidates = [.. modules
            .SelectMany(entry => entry.Value.OwnParameters().Select(own => (entry.Key, own.Value)))
            .Where(own => own.Value.requires_grad == flag && own.Value.shape.AsSpan().SequenceEqual(parameter.shape))];
        // One tensor may have several wrappers, so comparing references would not tell.
        parameter.requires_grad = !flag;
        string[] names = [.. candidates.Where(own => own.Value.requires_grad != flag).Select(own => own.Module)];
        parameter.requires_grad = flag;
        return names;
    }
}
