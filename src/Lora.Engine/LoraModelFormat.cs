namespace Lora;

/// <summary>The forms that models are written in.</summary>
public enum LoraModelFormat
{
    /// <summary>A folder with config.json, safetensors files and the tokenizer, in the data types of the base model.</summary>
    HuggingFace,

    /// <summary>One file for llama.cpp and what is built on it.</summary>
    Gguf,

    /// <summary>A folder for Ollama: that file, and a Modelfile.</summary>
    Ollama,
}
