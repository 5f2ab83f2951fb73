using Lora.Text;

namespace Lora.Bench;

/// <summary>Our tokenizer beside the reference library, in one process on one thread: the same ids, and how fast either is.</summary>
internal static class ReferenceTokenizer
{
    private const int Texts = 5_000;
    private const int Repetitions = 7;

    public static void Compare()
    {
        if (!OperatingSystem.IsLinux())
        {
            Console.WriteLine("The reference library is there under Linux.");
            return;
        }

        string file = Repository.Path("examples", "model", "tokenizer.json");
        Tokenizer ours = Tokenizer.Load(file);
        using Tokenizers.DotNet.Tokenizer reference = new(file);
        string[] texts = [.. Enumerable.Range(0, Texts).Select(DataRows.Text)];
        string whole = string.Join('\n', texts);
        int[] ids = ours.Encode(whole);
        bool isSame = ids.SequenceEqual(reference.Encode(whole).Select(id => (int)id))
            && texts.All(text => ours.Encode(text).SequenceEqual(reference.Encode(text).Select(id => (int)id)));

        Table.Head($"tokenizing, ids {(isSame ? "equal" : "DIFFERENT")}", "ours, MB/s, median (range)", "reference library, MB/s, median (range)");
        Row($"{Texts:N0} texts, one by one", texts);
        Row("the same as one text", [whole]);

        void Row(string name, string[] given)
        {
            double size = given.Sum(text => System.Text.Encoding.UTF8.GetByteCount(text)) / 1e6;
            Measurement[] times = Measurement.InTurn([() => Array.ForEach(given, text => ours.Encode(text)), () => Array.ForEach(given, text => reference.Encode(text))], Repetitions);
            Table.Row(name, times[0].Rate(size), times[1].Rate(size));
        }
    }
}
