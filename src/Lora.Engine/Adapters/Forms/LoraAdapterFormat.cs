namespace Lora;

/// <summary>The forms that adapters are written in.</summary>
public enum LoraAdapterFormat
{
    /// <summary>A folder with adapter_config.json and adapter_model.safetensors.</summary>
    Peft,

    /// <summary>A file of lora_down, lora_up and alpha, as sd-scripts, musubi-tuner and ComfyUI have it.</summary>
    Kohya,

    /// <summary>A file of lora_A and lora_B without a configuration, as diffusers saves it.</summary>
    Diffusers,

    /// <summary>A file of llama.cpp, for its --lora.</summary>
    Gguf,
}
