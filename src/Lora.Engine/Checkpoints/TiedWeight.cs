namespace Lora.Checkpoints;

/// <summary>Two modules that config.json gives one weight.</summary>
/// <param name="Head">The output head.</param>
/// <param name="Embedding">The embedding.</param>
internal sealed record TiedWeight(string Head, string Embedding)
{
    /// <summary>The module that shares the weight of the one named; null when it shares none.</summary>
    public string? Other(string module) => module == Head ? Embedding : module == Embedding ? Head : null;
}
