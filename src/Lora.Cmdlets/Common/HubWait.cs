using System.Globalization;

namespace Lora.Commands;

/// <summary>What is said while a hub is waited for: a long wait is a warning, a short one is no news.</summary>
internal static class HubWait
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(5);

    /// <summary>What to say.</summary>
    /// <param name="why">What failed.</param>
    /// <param name="wait">The time until the next attempt.</param>
    public static PipelineRecord Record(string why, TimeSpan wait)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{why} Trying again in {wait.TotalSeconds:0.#} s.");
        return wait < Long ? new PipelineRecord.Verbose(text) : new PipelineRecord.Warning(text);
    }
}
