using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>
/// Random numbers for tensors of any device. TorchSharp makes a processor's generator whatever device it is asked for (THSGenerator_new of 0.107), and
/// torch refuses one for tensors of a GPU; so what is drawn once is drawn by the processor and brought there, the same on every device.
/// </summary>
internal static class SeededDraws
{
    /// <summary>Draws evenly from a range.</summary>
    /// <param name="place">Of any shape; written.</param>
    /// <param name="low">The least.</param>
    /// <param name="high">The end of the range.</param>
    /// <param name="generator">A processor's.</param>
    public static void Uniform(Tensor place, double low, double high, Generator generator) => Draw(place, host => host.uniform_(low, high, generator));

    /// <summary>Draws from a normal distribution around zero.</summary>
    /// <param name="place">Of any shape; written.</param>
    /// <param name="deviation">The standard deviation.</param>
    /// <param name="generator">A processor's.</param>
    public static void Normal(Tensor place, double deviation, Generator generator) => Draw(place, host => host.normal_(0, deviation, generator));

    /// <summary>A matrix from the standard normal distribution.</summary>
    public static Tensor Normal(long rows, long columns, ScalarType type, Device device, Generator generator) =>
        device.type == DeviceType.CUDA
            ? randn([rows, columns], dtype: type, device: CPU, generator: generator).to(device)
            : randn([rows, columns], dtype: type, device: device, generator: generator);

    /// <summary>Writes 1 with a probability and 0 else, on the device and without waiting for it; the same for the same seed.</summary>
    /// <param name="place">Of any shape; written.</param>
    /// <param name="probability">Of 1. torch compares numbers of float32 or wider whatever the dtype: float16 has too few below 1 for small ones.</param>
    /// <param name="seed">Of the draws.</param>
    public static Tensor Ones(Tensor place, double probability, ulong seed)
    {
        if (place.device.type == DeviceType.CUDA)
        {
            // The GPU's own generator, the only one that can be had; nothing else here draws by it.
            cuda.manual_seed_all((long)seed);
            return place.bernoulli_(probability);
        }

        // A generator of its own, so that nobody's draws move on and the backward pass begins at the same place.
        using Generator generator = new(seed, CPU);
        return place.bernoulli_(probability, generator);
    }

    private static void Draw(Tensor place, Func<Tensor, Tensor> draw)
    {
        if (place.device.type != DeviceType.CUDA)
        {
            draw(place);
            return;
        }

        using Tensor host = empty(place.shape, dtype: place.dtype, device: CPU);
        place.copy_(draw(host));
    }
}
