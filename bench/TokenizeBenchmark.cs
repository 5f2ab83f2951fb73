using System.Text.Json;
using Lora.Text;

namespace Lora.Bench;

/// <summary>Encoding the example's texts with the example's tokenizer.</summary>
internal static class TokenizeBenchmark
{
    private const int Copies = 50;

    public static void Run()
    {
        Tokenizer tokenizer = Tokenizer.Load(Repository.Path("examples", "model"));
        string[] lines = File.ReadAllLines(Repository.Path("examples", "data", "animal-notes.train.jsonl"));
        string[] texts = [.. lines.Select(line => string.Join(' ', JsonDocument.Parse(line).RootElement.EnumerateObject().Select(field => field.Value.ToString())))];
        string joined = string.Join('\n', Enumerable.Repeat(string.Join('\n', texts), Copies));
        int tokens = tokenizer.Encode(joined).Length;
        Measurement one = Measurement.Of(() => tokenizer.Encode(joined), repetitions: 11);
        Table.Head("tokenizing", "tokens/s, median (range)", "MB/s, median (range)");
        Table.Row($"{joined.Length:N0} characters, {tokens:N0} tokens, one thread", one.Rate(tokens), one.Rate(joined.Length / 1e6));
    }
}
