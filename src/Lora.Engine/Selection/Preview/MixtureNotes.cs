using System.Globalization;
using Lora.Checkpoints;

namespace Lora.Selection;

/// <summary>What of a mixture of experts a selection leaves alone, which is easily the most of it: all-linear takes no experts that are parameters.</summary>
internal static class MixtureNotes
{
    /// <summary>A sentence when a model has experts and none of them is adapted.</summary>
    /// <param name="modules">What the model lists.</param>
    /// <param name="targets">What is adapted.</param>
    public static IEnumerable<string> Of(IReadOnlyList<LoraModuleInfo> modules, IReadOnlyList<ResolvedTarget> targets)
    {
        LoraModuleInfo[] experts = [.. modules.Where(module => IsExpert(module.Role) && module.IsAdaptable())];
        string[] roles = [.. targets.Select(target => target.Module.Role).Distinct(StringComparer.Ordinal)];
        if (experts.Length == 0 || roles.Length == 0 || roles.Any(IsExpert))
        {
            yield break;
        }

        bool hasShared = roles.Any(role => role.StartsWith(ModuleRole.SharedExpert, StringComparison.Ordinal));
        bool hasDense = targets.Any(target => IsOfMlp(target.Module));
        string reached = hasShared ? "of the experts only the shared ones, which every token passes"
            : roles is [ModuleRole.Router] ? "only the routers"
            : hasDense ? "no experts"
            : "only what lies outside of the experts, such as attention";
        string way = experts[0].Kind == LoraModuleKind.Expert ? $"TargetParameter '{Ending(experts[0].Name)}'" : $"TargetModule '{Ending(experts[0].Name)}'";
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"The model is a mixture of experts, and the selection reaches {reached}: {experts.Sum(expert => expert.ParameterCount):N0} of its {modules.Sum(module => module.ParameterCount):N0} values lie in experts. {way}, for one, means them.");
    }

    private static bool IsExpert(string role) => role.StartsWith(ModuleRole.Expert, StringComparison.Ordinal);

    private static bool IsOfMlp(LoraModuleInfo module) => module.Name.Split('.').Any(part => part is "mlp" or "feed_forward" or "ffn") && module.Role != ModuleRole.Router;

    /// <summary>The last part of a name: with it all blocks are meant.</summary>
    private static string Ending(string name) => name[(name.LastIndexOf('.') + 1)..];
}
