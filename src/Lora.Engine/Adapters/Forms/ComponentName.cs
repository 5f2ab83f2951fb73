namespace Lora.Adapters;

/// <summary>A module of a pipeline of models: which model it belongs to, and its dotted name there.</summary>
/// <param name="Component">A text encoder as diffusers calls it; empty for the model that is denoised with.</param>
/// <param name="Name">The dotted name.</param>
internal sealed record ComponentName(string Component, string Name)
{
    /// <summary>The model that is denoised with, where others are in one file with it: a U-Net, or else a transformer.</summary>
    public const string Unet = "unet";

    /// <inheritdoc cref="Unet"/>
    public const string Transformer = "transformer";

    private static readonly (string Prefix, string Component)[] Flat =
    [
        ("lora_unet_", ""), ("lora_transformer_", ""), ("lora_te_", "text_encoder"), ("lora_te1_", "text_encoder"), ("lora_te2_", "text_encoder_2"),
        ("lora_te3_", "text_encoder_3"),
    ];

    private static readonly (string Prefix, string Component)[] Dotted =
    [
        (PeftKey.Prefix, ""), ("diffusion_model.", ""), (Transformer + ".", ""), (Unet + ".", ""), ("text_encoder.", "text_encoder"),
        ("text_encoder_2.", "text_encoder_2"), ("text_encoder_3.", "text_encoder_3"),
    ];

    /// <summary>Reads a name as a file has it.</summary>
    public static ComponentName Of(string name)
    {
        foreach ((string prefix, string component) in Flat.Where(entry => name.StartsWith(entry.Prefix, StringComparison.Ordinal)))
        {
            return new(component, FlatName.Dotted(name[prefix.Length..]));
        }

        foreach ((string prefix, string component) in Dotted.Where(entry => name.StartsWith(entry.Prefix, StringComparison.Ordinal)))
        {
            return new(component, name[prefix.Length..]);
        }

        return new("", name);
    }
}
