using System.Runtime.Intrinsics;
using Lora.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Says which models go on texts directly, and makes what does it.</summary>
internal static class DirectDecoders
{
    // A thread is through with so many bytes in less than a millisecond; on a busy machine, where one of several is not let run, the others would wait for it longer.
    private const long FewestBytes = 16 << 20;

    /// <summary>Why there is none of a model; null where there is one.</summary>
    public static string? WhyNot(CausalLanguageModel model) =>
        model.Device.type != DeviceType.CPU ? "the device is no CPU"
        : !Serves(model.Shape) ? $"blocks of {model.Shape.ModelType} are others than it computes"
        : model.HasLengthRotation ? "the rotation hangs on the length of the text"
        : model.modules().OfType<QuantizedLinear>().Any(layer => !FourBitRows.Serves(layer.Matrix)) ? $"rows of its 4-bit matrices are not multiples of {FourBitRows.Unit} values"
        : !Vector256.IsHardwareAccelerated ? "the processor has no vectors of 256 bits"
        : model.Fused.Embedding.dtype is not (ScalarType.Float32 or ScalarType.BFloat16) ? $"the weights are {model.Fused.Embedding.dtype}"
        : null;

    /// <summary>Of what the fused step computes: norms by root mean squares and a gated MLP, one after the other, and no learned positions.</summary>
    private static bool Serves(ModelShape model) =>
        FusedBlock.In(model) is FusedBlock[] blocks && model is { FinalNorm.TakesMean: false, Embedding.Positions: null, Head.Bias: false }
        && blocks.All(block => block is { Mlp: GatedMlpShape, IsParallel: false, Attention: { Order: PackedOrder.Parts, IsConv1D: false } }
            && !new[] { block.AttentionNorm, block.MlpNorm, block.OutputNorms?.Attention, block.OutputNorms?.Mlp }.OfType<NormShape>().Any(norm => norm.TakesMean));

    /// <summary>A decoder of the model; null where its blocks, its weights or the processor are not those that vector code is for.</summary>
    /// <param name="model">The model.</param>
    /// <param name="changes">What adapters change.</param>
    public static IDecoder? Find(CausalLanguageModel model, DirectChanges changes)
    {
        if (WhyNot(model) is not null)
        {
            return null;
        }

        int threads = model.WeightSize < FewestBytes ? 1 : get_num_threads();
        FusedDecoder fused = model.Fused;
        return fused.Embedding.dtype switch
        {
            ScalarType.Float32 when Vector512.IsHardwareAccelerated => new DirectDecoder<Lanes512, SingleElement>(fused, changes, threads),
            ScalarType.BFloat16 when Vector512.IsHardwareAccelerated => new DirectDecoder<Lanes512, BrainElement>(fused, changes, threads),
            ScalarType.Float32 when Vector256.IsHardwareAccelerated => new DirectDecoder<Lanes256, SingleElement>(fused, changes, threads),
            ScalarType.BFloat16 when Vector256.IsHardwareAccelerated => new DirectDecoder<Lanes256, BrainElement>(fused, changes, threads),
            _ => null,
        };
    }
}
