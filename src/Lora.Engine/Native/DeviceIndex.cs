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

    /// <summary>Several tensors of numbers, by one copy: int64, int32 or float32 as they are given, [count] each.</summary>
    /// <param name="rows">Of long, int or float.</param>
    /// <param name="device">Where they go.</param>
    public static Tensor[] Of(IReadOnlyList<Array> rows, Device device)
    {
        long[] all = new long[rows.Sum(Words)];
        int start = 0;
        foreach (Array row in rows)
        {
            Buffer.BlockCopy(row, 0, all, start * sizeof(long), Buffer.ByteLength(row));
            start += Words(row);
        }

        using Tensor sent = Of(all, device);
        start = 0;
        return [.. rows.Select(row => Part(sent, (start += Words(row)) - Words(row), row))];
    }

    // Numbers of 32 bits go in whole words of 64.
    private static int Words(Array row) => (Buffer.ByteLength(row) + sizeof(long) - 1) / sizeof(long);

    private static Tensor Part(Tensor sent, long start, Array row)
    {
        Tensor words = sent.narrow(0, start, Words(row));
        if (row is long[])
        {
            return words;
        }

        // The same bits as numbers of another dtype; there may be one more of them than was sent.
        using Tensor owned = words;
        using Tensor all = Dispatcher.Call("aten::view", "dtype", words, (long)(row switch { int[] => ScalarType.Int32, _ => ScalarType.Float32 }));
        return all.narrow(0, 0, row.Length);
    }

    /// <summary>Copies without waiting, and lets the host's tensor go. The pinned memory may be let go at once: torch's host allocator gives it out again only when the copy is done.</summary>
    internal static Tensor Queue(Tensor host, Device device, Func<Tensor, Tensor> pin)
    {
        using Tensor owned = host;
        using Tensor pinned = pin(host);
        return pinned.to(device, copy: true, non_blocking: true);
    }
}
