using System.Text.Json;

namespace Lora.Tests.Text;

/// <summary>What the reference implementation made of one text.</summary>
internal sealed record TokenizerGolden(string Text, int[] Ids, string Decoded)
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web);

    public static IReadOnlyList<TokenizerGolden> Read(string tokenizer) =>
        [.. File.ReadLines(Repository.Fixture("tokenizers", tokenizer, "golden.jsonl")).Select(Parse)];

    public static TokenizerGolden Parse(string line) => JsonSerializer.Deserialize<TokenizerGolden>(line, Format)!;
}
