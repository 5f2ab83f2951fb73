using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>
/// Brings token ids, labels, places and small tables to a device. On the way to a GPU they pass through pinned memory and the copy is queued, so that the
/// processor goes on to queue the work behind it in place of waiting for what is under way.
/// </summary>
internal static class DeviceIndex
{
    /// <summary>A tensor of the numbers, int64.</summary>
    /// <param name="values">The numbers, row after row.</param>
    /// <param name="shape">How they are laid out.</param>
    /// <param name="device">Where they go.</param>
    public static Tensor Of(long[] values, long[] shape, Device device) =>
        device.type == DeviceType.CUDA ? Queue(tensor(values, shape, device: CPU), device, host => host.pin_memory()) : tensor(values, shape, device: device);

    /// <summary>A tensor of numbers, float32.</summary>
    /// <inheritdoc cref="Of(long[], long[], Device)"/>
    public static Tensor Of(float[] values, long[] shape, Device device) =>
        device.type == DeviceType.CUDA ? Queue(tensor(values, shape, device: CPU), device, host => host.pin_memory()) : tensor(values, shape, device: device);

    /// <summary>A tensor [count] of the numbers, int64.</summary>
    public static Tensor Of(long[] values, Device device) => Of(values, [values.Length], device);

    /// <summary>Several tensors of numbers, by one copy.</summary>
    public static Tensor[] Of(IReadOnlyList<long[]> rows, Device device)
    {
        using Tensor all = Of([.. rows.SelectMany(row => row)], device);
        long start = 0;
        return [.. rows.Select(row => all.narrow(0, (start += row.Length) - row.Length, row.Length))];
    }

    /// <summary>Copies without waiting, and lets the host's tensor go. The pinned memory may be let go at once: torch's host allocator gives it out again only when the copy is done.</summary>
    internal static Tensor Queue(Tensor host, Device device, Func<Tensor, Tensor> pin)
    {
        using Tensor owned = host;
        using Tensor pinned = pin(host);
        return pinned.to(device, copy: true, non_blocking: true);
    }
}
