using System.Runtime.Intrinsics;

namespace Lora.Tests.Kernels;

/// <summary>The processor's own kernels and decoder: they need vectors of 256 bits, which old processors and ARM's do not have; libtorch's operators serve there.</summary>
internal static class VectorCode
{
    /// <summary>Skips a test by name where there is none.</summary>
    public static void SkipWhereThereIsNone() => Assert.SkipUnless(Vector256.IsHardwareAccelerated, "The processor has no vectors of 256 bits.");
}
