using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>
/// The memory of freed tensors that torch keeps on a GPU for the next ones, which the driver counts as taken. TorchSharp 0.107 has no torch.cuda.empty_cache and
/// libtorch exports no function for it; but its allocator gives all of it back before it says that there is not enough memory (c10/cuda/CUDACachingAllocator.cpp,
/// DeviceCachingAllocator::malloc), so it is asked for more than there is.
/// </summary>
internal static class CachedMemory
{
    // More than any device has or can address, and less than what torch refuses without looking for it, 2^60.
    private const long MoreThanThereIs = 1L << 50;

    /// <summary>Gives it back. What is under way on the device is waited for.</summary>
    /// <param name="device">The device; a CPU, which keeps nothing so, is asked in vain.</param>
    public static void GiveBack(Device device) => GiveBack(() => empty([MoreThanThereIs], dtype: ScalarType.Byte, device: device).Dispose());

    /// <summary>The same by what takes more than there is.</summary>
    internal static void GiveBack(Action take)
    {
        try
        {
            take();
        }
        catch (ExternalException)
        {
            // A refusal was meant, in whatever words. After another failure of torch the cache counts as taken, as it did before, and what follows on the device
            // says by itself what is wrong with it.
        }
    }
}
