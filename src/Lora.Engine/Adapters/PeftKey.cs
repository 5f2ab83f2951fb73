namespace Lora.Adapters;

/// <summary>The tensor names of adapter_model.safetensors.</summary>
internal static class PeftKey
{
    /// <summary>What PEFT puts before every module's name.</summary>
    public const string Prefix = "base_model.model.";

    /// <summary>The key of a tensor of a module, for example <c>base_model.model.model.layers.0.mlp.up_proj.lora_A.weight</c>.</summary>
    public static string Of(string module, string tensor) => $"{Prefix}{module}.{tensor}";
}
