namespace Lora;

/// <summary>How the base model and the adapted model continue one prompt, greedily.</summary>
public sealed record LoraSample
{
    /// <summary>The text that was given.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>The base model's continuation.</summary>
    public string Base { get; init; } = "";

    /// <summary>The adapted model's continuation.</summary>
    public string Adapted { get; init; } = "";

    /// <inheritdoc/>
    public override string ToString() => $"{Prompt} -> {Adapted}";
}
