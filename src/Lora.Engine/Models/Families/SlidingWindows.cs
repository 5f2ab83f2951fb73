namespace Lora.Models;

/// <summary>Which blocks see a window of tokens only: <c>sliding_window</c>, and in files of transformers 5 <c>layer_types</c>, which wins.</summary>
/// <param name="values">config.json.</param>
/// <param name="size">The window where the key is missing; null for none.</param>
internal sealed class SlidingWindows(ConfigValues values, int? size = null)
{
    private const string Types = "layer_types";
    private const string Sliding = "sliding_attention";
    private const string Full = "full_attention";

    private readonly HashSet<string> refused = new(StringComparer.Ordinal);
    private readonly int? window = values.Has("sliding_window") ? values.CountOrNull("sliding_window") : size;

    /// <summary>The window of a block, itself included; null for all tokens.</summary>
    /// <param name="layer">Its number.</param>
    /// <param name="slides">Whether it has the window where the file has no <c>layer_types</c>.</param>
    public int? Of(int layer, bool slides) => Slides(layer, slides) ? window : null;

    /// <summary>Whether a block is one of those with a window, also where the window itself is null. A type that is neither is reported to the values.</summary>
    /// <param name="layer">Its number.</param>
    /// <param name="otherwise">Whether it is where the file has no <c>layer_types</c>.</param>
    public bool Slides(int layer, bool otherwise)
    {
        string? type = values.TextAt(Types, layer);
        if (type is not (null or Sliding or Full) && refused.Add(type))
        {
            values.ReportUnsupported($"{Types} has '{type}', which is not computed; {Full} and {Sliding} are");
        }

        return type is null ? otherwise : type == Sliding;
    }

    /// <summary>Qwen's: only with <c>use_sliding_window</c>, and from <c>max_window_layers</c> on.</summary>
    /// <param name="layer">The block's number.</param>
    /// <param name="first">The first block with a window where the file does not say.</param>
    public int? OfOptIn(int layer, int first = 28) => Of(layer, values.Flag("use_sliding_window") && layer >= values.Count("max_window_layers", first));
}
