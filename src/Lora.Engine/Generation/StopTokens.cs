using Lora.Text;

namespace Lora.Generation;

/// <summary>The tokens by which a model ends what it says.</summary>
internal static class StopTokens
{
    /// <summary>Those that generation_config.json names, or config.json where it does not (<c>eos_token_id</c>: a number or a list), and the tokenizer's.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    public static IReadOnlyList<int> Of(string folder, Tokenizer tokenizer) =>
        [.. SpecialTokenNames.Ids(folder, "eos_token_id").Concat(tokenizer.EndOfSequenceId is int end ? [end] : []).Distinct()];
}
