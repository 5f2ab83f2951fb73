using Lora.Quantization;

namespace Lora.Models;

/// <summary>Which matrices of a quantised checkpoint stay in 4 bits.</summary>
internal static class KeptMatrices
{
    /// <summary>
    /// Those that could be quantised here too. Layers that share an input are one product, of numbers or of codes: where some of them are not in 4 bits
    /// (bitsandbytes can leave modules out, and some checkpoints do), the others become numbers too.
    /// </summary>
    /// <param name="shape">The model's shape.</param>
    /// <param name="required">What the model asks for.</param>
    /// <param name="forms">The quantised weights by their names.</param>
    /// <param name="quantization">How the other matrices of the blocks are held.</param>
    public static HashSet<string> Of(
        TaskShape shape, IReadOnlyList<(string Name, long[] Shape)> required, IReadOnlyDictionary<string, StoredWeight> forms, LoraQuantization quantization)
    {
        HashSet<string> kept = [.. QuantizedWeights.In(LoraQuantization.NF4, shape, required).Where(name => forms.GetValueOrDefault(name) is BitsAndBytesWeight)];
        if (quantization == LoraQuantization.NF4 || shape is not ModelShape decoder)
        {
            return kept;
        }

        foreach ((int layer, BlockShape block) in decoder.Blocks.Index())
        {
            foreach (IReadOnlyList<string> product in block.Products)
            {
                string[] names = [.. product.Select(name => $"{decoder.BlockPrefix}{layer}.{name}.weight")];
                if (!names.All(kept.Contains))
                {
                    kept.ExceptWith(names);
                }
            }
        }

        return kept;
    }
}
