using Lora.Checkpoints;
using Lora.Models;

namespace Lora.Export;

/// <summary>
/// Which tensors of a file are stored in which form: what llama.cpp's converter does for F16 and BF16 (convert_hf_to_gguf.py, prepare_tensors), and its
/// llama_model_quantize for the others (src/llama-quant.cpp), so that a file has the tensors that its own tools would write.
/// </summary>
/// <param name="type">What was asked for.</param>
/// <param name="shape">The model.</param>
/// <param name="hasHead">Whether the head has a tensor of its own; without, the embedding is the head too.</param>
internal sealed class GgufTypeMix(LoraTensorType type, TaskShape shape, bool hasHead)
{
    // Mixtral 8x7B's number of experts, of which llama.cpp keeps keys and values finer.
    private const int FinerExperts = 8;

    /// <summary>Matrices that are small or looked up, and a wrong choice of theirs costs more than their bytes.</summary>
    private static readonly string[] Exact = ["ffn_gate_inp.weight", "position_embd.weight", "token_types.weight", "attn_rel_b.weight"];

    /// <summary>The number of the mix in <c>general.file_type</c> (llama.cpp's llama_ftype).</summary>
    public static uint FileType(LoraTensorType type) => type switch
    {
        LoraTensorType.F32 => 0,
        LoraTensorType.F16 => 1,
        LoraTensorType.Q4_0 => 2,
        LoraTensorType.Q8_0 => 7,
        _ => 32,
    };

    /// <summary>The form of a tensor.</summary>
    /// <param name="name">The file's name for it.</param>
    /// <param name="sizes">Its shape.</param>
    public GgufTensorType TypeOf(string name, long[] sizes)
    {
        bool isMatrix = sizes.Length > 1 && name.EndsWith(".weight", StringComparison.Ordinal) && !Exact.Any(exact => name.EndsWith(exact, StringComparison.Ordinal));
        return !isMatrix ? GgufTensorType.F32 : type switch
        {
            LoraTensorType.F16 => GgufTensorType.F16,
            LoraTensorType.BF16 => GgufTensorType.BF16,
            LoraTensorType.Q8_0 => Fitting(GgufTensorType.Q8_0, sizes),
            LoraTensorType.Q4_0 => Fitting(OfFour(name), sizes),
            _ => GgufTensorType.F32,
        };
    }

    private GgufTensorType OfFour(string name) =>
        name == (hasHead ? "output.weight" : "token_embd.weight") ? GgufTensorType.Q6_K
        : HasFinerExperts && (name.EndsWith("attn_v.weight", StringComparison.Ordinal) || name.EndsWith("attn_k.weight", StringComparison.Ordinal)) ? GgufTensorType.Q8_0
        : GgufTensorType.Q4_0;

    private bool HasFinerExperts => shape is ModelShape decoder && GgufShape.MlpOf(decoder.Blocks[0]) is MixtureShape { Router.Experts: FinerExperts };

    /// <summary>The form, or the next one where rows are no whole number of its blocks.</summary>
    private static GgufTensorType Fitting(GgufTensorType wanted, long[] sizes) =>
        sizes[^1] % wanted.Block().Values == 0 ? wanted
        : wanted == GgufTensorType.Q6_K ? Fitting(GgufTensorType.Q8_0, sizes)
        : GgufTensorType.F16;
}
