using Lora.Text;

namespace Lora.Tools.Fuzzer;

/// <summary>Tokenizers of before tokenizer.json: SentencePiece's model files, vocabularies with merges or of words, and the files beside them.</summary>
internal static class VocabularyReaders
{
    private const string Golden = "golden.jsonl";

    public static IReadOnlyList<Reader> All { get; } =
    [
        new("sentencepiece", 60, folder => Open(folder, name => name.EndsWith(".model", StringComparison.Ordinal))),
        new("vocabularies", 40, folder => Open(folder, name => Path.GetFileName(name) is "vocab.txt" or "vocab.json" or "merges.txt")),
        new("vocabulary-config", 30, folder => Open(folder, name => Path.GetFileName(name) is "tokenizer_config.json" or "special_tokens_map.json" or "added_tokens.json")),
    ];

    private static OpenReader Open(string folder, Predicate<string> isDamaged)
    {
        List<(string Name, byte[] Whole, JsonDamage? Damage)> files = [];
        foreach (string from in RealFiles.Vocabularies())
        {
            string[] names = [.. Directory.GetFiles(from).Select(file => Path.GetFileName(file)).Where(name => name != Golden).Order(StringComparer.Ordinal)];
            RealFiles.Copy(from, Path.Combine(folder, Path.GetFileName(from)), names);
            foreach (string name in names.Select(name => Path.Combine(Path.GetFileName(from), name)).Where(name => isDamaged(name)))
            {
                byte[] whole = File.ReadAllBytes(Path.Combine(folder, name));
                files.Add((name, whole, name.EndsWith(".json", StringComparison.Ordinal) ? new(whole) : null));
            }
        }

        return new(
            random =>
            {
                (string name, byte[] whole, JsonDamage? damage) = random.Any(files);
                return new(name, damage is null || random.Next(4) == 0 ? ByteDamage.Apply(whole, random) : damage.Apply(random));
            },
            input => TextReaders.Use(Tokenizer.Load(Path.Combine(folder, Path.GetDirectoryName(input.File)!))));
    }
}
