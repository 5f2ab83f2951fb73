using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Parquet.Serialization;

namespace Lora.Bench;

/// <summary>Rows of a few hundred bytes, of sentences that are put together at random from a seed, in files of every form.</summary>
internal static class DataRows
{
    private static readonly string[] Subjects = ["The harbour master", "Our neighbour", "A young baker", "The night train", "Every second ferry", "The old orchard", "My cousin's dog", "The town library"];
    private static readonly string[] Verbs = ["waits for", "carries", "has forgotten", "repairs", "writes about", "never mentions", "counts", "is proud of"];
    private static readonly string[] Objects = ["the copper kettle", "seven wooden boxes", "a letter from Lisbon", "the broken lantern", "two bags of flour", "a map without names", "the first snow", "an unpaid bill"];
    private static readonly string[] Ends = ["before the rain sets in.", "although nobody asked.", "every Thursday at 6:45.", "for 3.50 a day.", "and laughs (quietly).", "in spite of everything.", "until the bells ring.", "as if it were new."];

    /// <summary>Writes rows of a prompt and a completion.</summary>
    /// <param name="path">The file; its ending says which form it has.</param>
    /// <param name="count">How many rows.</param>
    public static void WritePairs(string path, int count)
    {
        IEnumerable<Pair> rows = Enumerable.Range(0, count).Select(Row);
        switch (Path.GetExtension(path))
        {
            case ".parquet":
                using (FileStream table = File.Create(path))
                {
                    ParquetSerializer.SerializeAsync(rows, table, new() { RowGroupSize = 20_000 }).GetAwaiter().GetResult();
                }

                break;
            case ".csv":
                Write(path, rows.Select(row => $"{Quoted(row.Prompt)},{Quoted(row.Completion)}").Prepend("prompt,completion"));
                break;
            case ".json":
                Write(path, rows.Select((row, number) => $"{(number == 0 ? '[' : ' ')}{JsonSerializer.Serialize(row)}{(number == count - 1 ? ']' : ',')}"));
                break;
            default:
                Write(path, rows.Select(row => JsonSerializer.Serialize(row)));
                break;
        }
    }

    /// <summary>Writes conversations as JSON Lines.</summary>
    public static void WriteChats(string path, int count) => Write(path, Enumerable.Range(0, count).Select(number =>
    {
        Random random = new(number);
        object[] messages = [.. Enumerable.Range(0, 2).SelectMany(_ => new[] { new { role = "user", content = Sentences(random, 1) }, new { role = "assistant", content = Sentences(random, 1) } })];
        return JsonSerializer.Serialize(new { messages });
    }));

    /// <summary>A text of a few hundred bytes.</summary>
    public static string Text(int number) => Row(number).Prompt;

    private static Pair Row(int number)
    {
        Random random = new(number);
        return new() { Prompt = $"Note {number.ToString(CultureInfo.InvariantCulture)}. {Sentences(random, 2)}", Completion = $" {Sentences(random, 2)}" };
    }

    private static string Sentences(Random random, int count)
    {
        return string.Join(' ', Enumerable.Range(0, count).Select(_ => $"{Any(Subjects)} {Any(Verbs)} {Any(Objects)} {Any(Ends)}"));
        string Any(string[] words) => words[random.Next(words.Length)];
    }

    private static string Quoted(string text) => $"\"{text}\"";

    private static void Write(string path, IEnumerable<string> lines)
    {
        using FileStream file = File.Create(path);
        using Stream content = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Optimal) : file;
        using StreamWriter writer = new(content, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { NewLine = "\n" };
        foreach (string line in lines)
        {
            writer.WriteLine(line);
        }
    }

    /// <summary>A row as serialisers see it.</summary>
    private sealed class Pair
    {
        [JsonPropertyName("prompt")]
        public string Prompt { get; set; } = "";

        [JsonPropertyName("completion")]
        public string Completion { get; set; } = "";
    }
}
