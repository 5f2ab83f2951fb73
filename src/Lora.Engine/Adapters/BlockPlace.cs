using System.Globalization;

namespace Lora.Adapters;

/// <summary>Where a module lies among blocks that are alike: <c>model.layers</c>, block 3, <c>self_attn.q_proj</c>.</summary>
/// <param name="Stack">What stands before the block's number.</param>
/// <param name="Block">The number.</param>
/// <param name="Role">What stands after it.</param>
internal sealed record BlockPlace(string Stack, int Block, string Role)
{
    /// <summary>The block's whole name: <c>model.layers.3</c>.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"{Stack}.{Block}");

    /// <summary>The place of a name; null outside of numbered blocks.</summary>
    public static BlockPlace? Of(string name)
    {
        string[] parts = name.Split('.');
        // From the second part on: a stack has a name before its blocks' numbers.
        int index = Array.FindIndex(parts, 1, part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _));
        return index < 0 || index == parts.Length - 1 ? null : new(
            string.Join('.', parts[..index]), int.Parse(parts[index], CultureInfo.InvariantCulture), string.Join('.', parts[(index + 1)..]));
    }
}
