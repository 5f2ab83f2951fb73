using Lora.Models;
using TorchSharp.Modules;
using LayerNorm = TorchSharp.Modules.LayerNorm;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>What a TorchSharp module computes, as far as LoRA is concerned.</summary>
internal static class TorchModuleKind
{
    /// <summary>The kind of a module.</summary>
    /// <param name="module">The module.</param>
    /// <param name="fanInFanOut">Whether a module of a program's own class with a two-dimensional weight is a linear one that stores it [in, out].</param>
    public static LoraModuleKind Of(nn.Module module, bool fanInFanOut) => module switch
    {
        Models.Conv1D or QuantizedLinear { IsConv1D: true } => LoraModuleKind.Conv1D,
        Linear or QuantizedLinear => LoraModuleKind.Linear,
        // Ours and TorchSharp's: own programs adapt their own models.
        TokenEmbedding or Embedding => LoraModuleKind.Embedding,
        Conv2d => LoraModuleKind.Conv2d,
        RmsNorm or LayerNorm or GroupNorm => LoraModuleKind.Norm,
        nn.Module<Tensor, Tensor> when fanInFanOut && module.OwnParameter("weight")?.dim() == 2 => LoraModuleKind.Conv1D,
        _ => LoraModuleKind.Other,
    };
}
