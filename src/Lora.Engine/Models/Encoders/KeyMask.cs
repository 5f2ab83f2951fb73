using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Keeps attention from padding.</summary>
internal static class KeyMask
{
    /// <summary>What is added to scores: 0 for tokens, the lowest finite value for padding, [batch, 1, 1, tokens]; null where there is no padding.</summary>
    /// <param name="lengths">Tokens of each row.</param>
    /// <param name="length">Tokens and padding of a row.</param>
    /// <param name="like">Has the dtype and the device.</param>
    public static Tensor? Of(int[] lengths, int length, Tensor like)
    {
        if (lengths.All(tokens => tokens == length))
        {
            return null;
        }

        Tensor ends = DeviceIndex.Of([.. lengths.Select(tokens => (long)tokens)], [lengths.Length, 1], like.device); // [batch, 1]
        Tensor isPadding = Arithmetic.Range(0, length, ScalarType.Int64, like.device).unsqueeze(0).ge(ends); // [batch, tokens]
        return zeros([lengths.Length, length], dtype: like.dtype, device: like.device).Masked(isPadding, finfo(like.dtype).min).unsqueeze(1).unsqueeze(1);
    }
}
