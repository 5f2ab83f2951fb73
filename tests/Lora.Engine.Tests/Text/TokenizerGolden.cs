using System.Text.Json;

namespace Lora.Tests.Text;

/// <summary>What the reference implementation made of one text.</summary>
/// <param name="Text">The text.</param>
/// <param name="Ids">Its ids, with special tokens around it.</param>
/// <param name="Decoded">The text of the ids.</param>
/// <param name="Offsets">For each id the code points of the text that it stands for: the first, and the one after the last.</param>
internal sealed record TokenizerGolden(string Text, int[] Ids, string Decoded, int[][]? Offsets = null)
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web);

    public static IReadOnlyList<TokenizerGolden> Read(string tokenizer) =>
        [.. File.ReadLines(Repository.Fixture("tokenizers", tokenizer, "golden.jsonl")).Select(Parse)];

    public static TokenizerGolden Parse(string line) => JsonSerializer.Deserialize<TokenizerGolden>(line, Format)!;
}
