using System.Globalization;

namespace Lora.Adapters;

/// <summary>
/// The U-Net of Stable Diffusion and SDXL: the names of its authors' code, where blocks are counted through, against diffusers', where they are counted by
/// level. Both have two residual blocks a level.
/// </summary>
internal static class UnetNames
{
    private const int Resnets = 2;

    private static readonly string[] Roots = ["down_blocks", "up_blocks", "mid_block", "conv_in", "conv_out", "time_embedding", "add_embedding"];

    private static readonly Dictionary<string, string> Singles = new(StringComparer.Ordinal)
    {
        ["input_blocks.0.0"] = "conv_in",
        ["out.2"] = "conv_out",
        ["time_embed.0"] = "time_embedding.linear_1",
        ["time_embed.2"] = "time_embedding.linear_2",
        ["label_emb.0.0"] = "add_embedding.linear_1",
        ["label_emb.0.2"] = "add_embedding.linear_2",
    };

    private static readonly Dictionary<string, string> Resnet = new(StringComparer.Ordinal)
    {
        ["in_layers.2"] = "conv1",
        ["out_layers.3"] = "conv2",
        ["emb_layers.1"] = "time_emb_proj",
        ["skip_connection"] = "conv_shortcut",
    };

    /// <summary>Whether a name is of a U-Net, in diffusers' words.</summary>
    public static bool Is(string name) => Roots.Contains(name.Split('.')[0]);

    /// <summary>Whether a name is of the first Stable Diffusion: SDXL's first level has no attention, and it has three levels.</summary>
    public static bool IsOfFirst(string name) =>
        name.StartsWith("down_blocks.0.attentions.", StringComparison.Ordinal) || name.StartsWith("up_blocks.3.", StringComparison.Ordinal);

    /// <summary>What diffusers calls a module; null for a name that is not of the authors' code.</summary>
    public static string? Of(string original)
    {
        if (Singles.TryGetValue(original, out string? single))
        {
            return single;
        }

        string[] words = original.Split('.');
        int[] numbers = [.. words.Skip(1).TakeWhile(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out _)).Select(word => int.Parse(word, CultureInfo.InvariantCulture))];
        string rest = string.Join('.', words.Skip(1 + numbers.Length));
        return (words[0], numbers) switch
        {
            ("input_blocks", [int block and > 0, int at]) => Down((block - 1) / (Resnets + 1), (block - 1) % (Resnets + 1), at, rest),
            // 0 and 2 are the residual blocks, 1 is the attention between them.
            ("middle_block", [int at]) => Inner("mid_block", at == 1 ? "attentions" : "resnets", at / 2, rest),
            ("output_blocks", [int block, int at]) => Up(block / (Resnets + 1), block % (Resnets + 1), at, rest),
            _ => null,
        };
    }

    // The third input block of a level is what halves the image.
    private static string? Down(int level, int place, int at, string rest) => place == Resnets
        ? string.Create(CultureInfo.InvariantCulture, $"down_blocks.{level}.downsamplers.0.conv")
        : Inner(string.Create(CultureInfo.InvariantCulture, $"down_blocks.{level}"), at == 0 ? "resnets" : "attentions", place, rest);

    // The upsampler stands at place 1 or 2 of its block, behind the attention where there is one.
    private static string? Up(int level, int place, int at, string rest) => rest == "conv"
        ? string.Create(CultureInfo.InvariantCulture, $"up_blocks.{level}.upsamplers.0.conv")
        : Inner(string.Create(CultureInfo.InvariantCulture, $"up_blocks.{level}"), at == 0 ? "resnets" : "attentions", place, rest);

    private static string? Inner(string block, string kind, int index, string rest)
    {
        string? inner = kind == "attentions" ? rest : Resnet.GetValueOrDefault(rest);
        return inner is null or "" ? null : string.Create(CultureInfo.InvariantCulture, $"{block}.{kind}.{index}.{inner}");
    }
}
