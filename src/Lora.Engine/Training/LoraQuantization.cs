namespace Lora;

/// <summary>How the linear layers of the frozen base's blocks are held; embeddings, head and norms are always held as they are.</summary>
public enum LoraQuantization
{
    /// <summary>As numbers of the run's dtype.</summary>
    None,

    /// <summary>In 4 bits a weight as QLoRA does (arXiv 2305.14314): normal float codes, with scales that are quantised again.</summary>
    NF4,
}
