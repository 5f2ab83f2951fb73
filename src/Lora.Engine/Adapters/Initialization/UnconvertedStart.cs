namespace Lora.Adapters;

/// <summary>
/// An adapter that was saved with an initialisation which changes the base. PEFT, and so this engine, takes the same start off the base anew when
/// it is loaded; adapters that the engine writes are converted and never need it.
/// </summary>
internal static class UnconvertedStart
{
    /// <summary>What the user of such an adapter should know; null for other adapters.</summary>
    public static string? Warning(LoraAdapter adapter)
    {
        string initialization = adapter.Config.Initialization;
        if (!LoraInitialization.Of(initialization).ChangesBase)
        {
            return null;
        }

        string start = LoraInitialization.Of(initialization).IsRandom ? "an approximation of its start, which was drawn at random," : "its start";
        return $"The adapter '{adapter.Path ?? adapter.ToString()}' began with '{initialization}' and was not converted: {start} is taken off the base, as PEFT does. "
            + "Use it with the base that it was trained on, not with one that was saved without the start.";
    }
}
