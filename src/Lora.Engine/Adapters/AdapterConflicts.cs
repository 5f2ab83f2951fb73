namespace Lora.Adapters;

/// <summary>
/// What keeps adapters from being on one model together. Additions add up; a parameter that an adapter trains whole has one value only, which
/// PEFT refuses to activate twice as well.
/// </summary>
internal static class AdapterConflicts
{
    /// <summary>Every conflict of layers of one adapter, which are about to be switched on or merged, with those of other adapters.</summary>
    /// <param name="layers">The layers.</param>
    /// <param name="merging">Whether they are about to be merged.</param>
    public static IEnumerable<LoraProblem> Of(IReadOnlyCollection<AdaptedLayer> layers, bool merging)
    {
        HashSet<AdaptedLayer> own = [.. layers];
        return
            from layer in layers
            from other in layer.Module.ActiveLayers
            where !own.Contains(other)
            let parameter = layer.ChangedParameters.Intersect(other.ChangedParameters).FirstOrDefault()
            where parameter is not null
            let reason = Reason(layer, other, parameter, merging)
            where reason is not null
            select new LoraProblem(LoraError.AdapterConflict, layer.Name, layer.Name, reason);
    }

    private static string? Reason(AdaptedLayer layer, AdaptedLayer other, string parameter, bool merging) => (layer.TakesPlace, other.TakesPlace) switch
    {
        // What the parameter holds is the one's sum or the other's; two that are both on, or both merged, are added up.
        (_, _) when layer.HoldsParameter && (other.TakesPlace || (!merging && !other.IsAttached)) => $"one adapts its {parameter} by itself and the other has put values in it",
        (_, _) when other.HoldsParameter && (layer.TakesPlace || (merging && other.IsAttached)) => $"one adapts its {parameter} by itself and the other would put values in it",
        (true, true) => $"both train its {parameter} whole",
        (true, false) when !merging && !other.IsAttached => $"one trains its {parameter} whole and the other is merged into it",
        (false, true) when merging && other.IsAttached => $"one trains its {parameter} whole and the other would be merged into it",
        _ => null,
    };
}
