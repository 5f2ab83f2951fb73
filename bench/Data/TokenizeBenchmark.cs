using System.Text.Json;
using Lora.Native;
using Lora.Text;

namespace Lora.Bench;

/// <summary>Encoding the example's texts with tokenizers of all kinds, and reading a large tokenizer.</summary>
internal static class TokenizeBenchmark
{
    private const int Copies = 50;

    public static void Run()
    {
        string[] lines = File.ReadAllLines(Repository.Path("examples", "data", "animal-notes.train.jsonl"));
        string[] texts = [.. lines.Select(line => string.Join(' ', JsonDocument.Parse(line).RootElement.EnumerateObject().Select(field => field.Value.ToString())))];
        string joined = string.Join('\n', Enumerable.Repeat(string.Join('\n', texts), Copies));
        Table.Head($"tokenizing {joined.Length:N0} characters, one thread", "tokens/s, median (range)", "MB/s, median (range)");
        Encode("the example's, byte-level pairs", Repository.Path("examples", "model"), joined);
        Encode("unigram, as T5", Fixture("unigram-t5"), joined);
        Encode("unigram, as XLM-RoBERTa", Fixture("unigram-xlm-roberta"), joined);
        Encode("WordPiece, as BERT", Fixture("wordpiece"), joined);
        Read();

        static string Fixture(string name) => Repository.Path("tests", "fixtures", "tokenizers", name);
    }

    private static void Encode(string name, string folder, string text)
    {
        Tokenizer tokenizer = Tokenizer.Load(folder);
        int tokens = tokenizer.Encode(text).Length;
        Measurement one = Measurement.Of(() => tokenizer.Encode(text), repetitions: 11);
        Table.Row($"{name}, {tokens:N0} tokens", one.Rate(tokens), one.Rate(text.Length / 1e6));
    }

    private static void Read()
    {
        string file = Path.GetTempFileName();
        LargeTokenizer.Write(file);
        List<double> processor = [];
        Measurement read = Measurement.Of(Load, repetitions: 7);
        Table.Head("reading a tokenizer.json of Gemma 3's shape", "MB", "ms, median (range)", "of them the processor's");
        Table.Row(
            $"{LargeTokenizer.Tokens:N0} tokens, {LargeTokenizer.Merges:N0} merges", $"{new FileInfo(file).Length / 1e6:F0}", read.Milliseconds(), Measurement.Of(processor).Milliseconds());
        File.Delete(file);

        // On a busy machine the clock on the wall says little.
        void Load()
        {
            TimeSpan before = ThreadClock.Now;
            Tokenizer.Load(file);
            processor.Add((ThreadClock.Now - before).TotalSeconds);
        }
    }
}
