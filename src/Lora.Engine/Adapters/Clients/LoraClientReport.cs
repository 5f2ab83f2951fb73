namespace Lora;

/// <summary>A program that reads adapters in PEFT's format.</summary>
public enum LoraClient
{
    /// <summary>PEFT and what is built on it.</summary>
    PEFT,

    /// <summary>vLLM.</summary>
    VLLM,

    /// <summary>SGLang.</summary>
    SGLang,

    /// <summary>Text Generation Inference, and LoRAX, which it took the code from.</summary>
    TGI,

    /// <summary>llama.cpp, through its convert_lora_to_gguf.py.</summary>
    LlamaCpp,

    /// <summary>Ollama.</summary>
    Ollama,

    /// <summary>mlx-lm.</summary>
    MlxLm,
}

/// <summary>What a client makes of an adapter.</summary>
public enum LoraClientOutcome
{
    /// <summary>It computes what the adapter says.</summary>
    Right,

    /// <summary>It loads the adapter, says nothing, and computes something else.</summary>
    Wrong,

    /// <summary>It does not load the adapter.</summary>
    Refused,
}

/// <summary>Whether a client loads an adapter rightly, and what is in the way.</summary>
public sealed class LoraClientReport
{
    /// <summary>The adapter's folder, or what it is.</summary>
    public string Adapter { get; internal init; } = "";

    /// <summary>The client.</summary>
    public LoraClient Client { get; internal init; }

    /// <summary>What the client makes of the adapter.</summary>
    public LoraClientOutcome Outcome { get; internal init; }

    /// <summary>The keys of adapter_config.json, or the modules, that are in the way; empty when nothing is.</summary>
    public string[] Field { get; internal init; } = [];

    /// <summary>Why, a sentence for each.</summary>
    public string[] Reason { get; internal init; } = [];

    /// <summary>What makes an adapter that the client reads: a portable export, or the model with the adapter merged in; null when nothing is needed.</summary>
    public string? Remedy { get; internal init; }

    /// <inheritdoc/>
    public override string ToString() => Field.Length == 0 ? $"{Client}: {Outcome}" : $"{Client}: {Outcome} ({string.Join(", ", Field)})";
}
