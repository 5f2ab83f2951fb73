using System.Runtime.Intrinsics;
using Lora.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Says which models go on texts directly, and makes what does it.</summary>
internal static class DirectDecoders
{
    /// <summary>A decoder of the model; null where its blocks, its weights or the processor are not those that vector code is for.</summary>
    /// <param name="model">The model.</param>
    /// <param name="adapter">The factors of adapted modules, by their names.</param>
    public static IDecoder? Find(CausalLanguageModel model, IReadOnlyDictionary<string, LowRankFactors> adapter)
    {
        bool isPlain = model.Shape.Head.Cap is null && FusedBlock.In(model.Shape)?.All(block => block.IsPlain) == true;
        if (model.Device.type != DeviceType.CPU || !isPlain || model.HasLengthRotation || model.modules().OfType<QuantizedLinear>().Any())
        {
            return null;
        }

        int threads = get_num_threads();
        FusedDecoder fused = model.Fused;
        return fused.Embedding.dtype switch
        {
            ScalarType.Float32 when Vector512.IsHardwareAccelerated => new DirectDecoder<Lanes512, SingleElement>(fused, adapter, threads),
            ScalarType.BFloat16 when Vector512.IsHardwareAccelerated => new DirectDecoder<Lanes512, BrainElement>(fused, adapter, threads),
            ScalarType.Float32 when Vector256.IsHardwareAccelerated => new DirectDecoder<Lanes256, SingleElement>(fused, adapter, threads),
            ScalarType.BFloat16 when Vector256.IsHardwareAccelerated => new DirectDecoder<Lanes256, BrainElement>(fused, adapter, threads),
            _ => null,
        };
    }
}
